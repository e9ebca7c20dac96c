"""Takes the screenshots of docs/screenshots: the real program, a run with simulated workers on the real wire.

Run by hand: `make screenshots`. It makes its own data: drawings that remind of chest images, no patient's.
"""

from __future__ import annotations

import asyncio
import csv
import json
import math
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

from app.architects.router.entry import make_entry_token
from app.blueprints import registry
from app.data.repo import people, qualifications
from app.data.store import Session, Store
from app.operations.configuration.config import load_task_file
from app.operations.rehearsal.rehearsal import Crew, rehearse
from tests.e2e.real_desktop import ROOT, RealDesktop, VirtualDisplay

FOLDER = ROOT / "docs" / "screenshots"
IMAGES, WORKERS_EACH = 260, 3
NAMES = [
    "mira.k", "t.oduya", "lena-w", "p_haas", "jun.ito", "a.costa", "r.singh", "sofie", "mbeki", "k.novak", "dara",
    "e.lund", "yara.h", "tomas", "ines.v", "kofi.a", "hana", "lucas.p", "olga_r", "wei.l", "amira", "bjorn",
    "carla.m", "dev",
]  # fmt: skip
TASK = """
mephisto:
  task:
    task_name: chest-images-wave-2
    task_title: Label chest images
    task_description: Say what you see in each image. Each takes about a minute.
    task_reward: 0.12
    project: Chest images
    budget: 150
  provider:
    _provider_type: inhouse
  architect:
    _architect_type: local
  blueprint:
    _blueprint_type: image_label
    image_list: images.csv
    labels: [covid-19, pneumonia, clear]
    boxes: optional
    units_per_assignment: 3
    instructions: |
      Choose what the image shows. If it cannot be said, choose "Cannot tell".
"""


def draw_chest(chance: random.Random, truth: str) -> Image.Image:
    """Two dark ovals, a spine, ribs; patches where the truth is not clear."""
    size = 360
    image = Image.new("L", (size, size), 34)
    pen = ImageDraw.Draw(image)
    for left in (70, 200):
        pen.ellipse((left, 60, left + 95, 310), fill=chance.randrange(66, 84))
    pen.rectangle((174, 20, 190, 345), fill=112)
    for row in range(8):
        height = 80 + row * 30 + chance.randrange(-3, 4)
        points = [(x, height - 26 * math.sin(math.pi * (x - 40) / 285)) for x in range(40, 326, 5)]
        pen.line(points, fill=98, width=5)
    for _ in range({"clear": 0, "pneumonia": 1, "covid-19": 5}[truth]):
        x, y, radius = chance.choice((115, 245)), chance.randrange(140, 280), chance.randrange(16, 34)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=chance.randrange(120, 150))
    noise = Image.effect_noise((size, size), 22)
    return Image.blend(image.filter(ImageFilter.GaussianBlur(5)), noise, 0.09)


def make_task(folder: Path) -> Path:
    """The task file with its images; the same on every run."""
    chance = random.Random(4)
    folder.mkdir(parents=True)
    with (folder / "images.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("image", "site", "truth"))
        for number in range(1, IMAGES + 1):
            truth = chance.choice(("covid-19", "pneumonia", "clear", "clear"))
            draw_chest(chance, truth).save(folder / f"img_{number:04d}.png")
            writer.writerow((f"img_{number:04d}.png", chance.choice(("north", "south")), truth))
    (folder / "task.yaml").write_text(TASK, "utf-8")
    return folder / "task.yaml"


async def seed_people(data_dir: Path) -> None:
    """Some of the workers are known: they hold qualifications."""

    def grant(session: Session) -> None:
        now = datetime.now(UTC)
        held = [
            qualifications.create_qualification(session, name, text, now)
            for name, text in (("chest-reader", "Has read chest images before"), ("night-shift", "Works after eight"))
        ]
        for place, name in enumerate(NAMES[:14]):
            worker_id = people.get_or_create_worker(session, name, "inhouse", now)
            qualifications.grant(session, worker_id, held[place % 5 == 4], 1 + place % 3, None, now)

    data_dir.mkdir(parents=True)
    store = await Store.open(f"sqlite:///{data_dir / 'crowdesk.db'}", locks_dir=data_dir / "locks")
    await store.write(grant)
    await store.close()


def approve_some(desktop: RealDesktop, count: int) -> None:
    """What a colleague at the command line would do beside the window."""
    waiting = desktop.ask("select unit_id from units where status = 'completed' order by unit_id limit ?", count)
    file = desktop.data_dir.parent / "decisions.csv"
    with file.open("w", newline="") as sheet:
        writer = csv.writer(sheet)
        writer.writerow(("unit_id", "decision", "note", "bonus"))
        for place, (unit_id,) in enumerate(waiting):
            decision = "soft_reject" if place % 40 == 13 else "approve"
            writer.writerow((unit_id, decision, "", "0.50" if place % 45 == 7 else ""))
    command = [sys.executable, str(ROOT / "main.py"), "--data-dir", str(desktop.data_dir), "review", "1"]
    subprocess.run([*command, "--decisions", str(file)], check=True, stdout=subprocess.DEVNULL)


async def take(desktop: RealDesktop, theme: str) -> None:
    """Every screen, in one theme."""

    async def keep(name: str, pause: float = 1.5) -> None:
        await asyncio.sleep(pause)
        desktop.screenshot(FOLDER / f"{name}-{theme}.png")

    await desktop.do(f"Theme: {theme}")
    await desktop.press("ctrl+3")
    await asyncio.sleep(1)
    await desktop.click(260, 158)
    await desktop.press("Return")
    await keep("run", 2.5)
    await desktop.press("ctrl+4")
    await asyncio.sleep(1)
    await desktop.press("j", "j", "j", "j")
    await keep("review")
    await desktop.press("ctrl+5")
    await asyncio.sleep(1)
    await desktop.click(260, 190)
    await keep("workers")
    await desktop.press("ctrl+6")
    await asyncio.sleep(1)
    await keep("qualifications")
    for key, name in (("7", "payments"), ("8", "settings"), ("1", "home"), ("2", "launch")):
        await desktop.press(f"ctrl+{key}")
        await keep(name)
    await desktop.press("ctrl+k")
    await asyncio.sleep(0.4)
    await desktop.write("mira")
    await keep("palette", 0.8)
    await desktop.press("Escape")


async def main() -> None:
    """Make the data, open the window, let people work, take the pictures."""
    folder = Path(tempfile.mkdtemp(prefix="crowdesk-"))
    task = make_task(folder / "chest")
    await seed_people(folder / "data")
    display = VirtualDisplay()
    desktop = RealDesktop(display, folder / "data", "launch", str(task))
    try:
        await desktop.wait_for_window()
        whole = [(IMAGES * WORKERS_EACH,)]
        await desktop.until(lambda: desktop.ask("select count(*) from units") == whole, "the units")
        ((url,),) = await desktop.until(
            lambda: desktop.ask("select url from task_runs where url is not null"), "a page"
        )
        secret = json.loads((desktop.data_dir / "secrets.json").read_text())["run-1"]
        links = [f"{url}/enter/{make_entry_token(secret, '1', name, time.time() + 3600)}" for name in NAMES]
        config = await asyncio.to_thread(load_task_file, task, ())
        blueprint = registry.get("image_label")(config.blueprint, config.base_dir)
        crew = Crew(len(NAMES), accuracy=0.86, units_per_minute=10, drop_out=0.02, seed=7)
        working = asyncio.create_task(rehearse(links, crew, blueprint))
        for share in (50, 60, 70):
            await asyncio.sleep(22)
            await asyncio.to_thread(approve_some, desktop, share)
        for theme in "light", "dark":
            await take(desktop, theme)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    finally:
        desktop.end()
        display.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    asyncio.run(main())
