"""The launch page's model: the form, what is known of it while it is typed, and what can be done with it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.data.repo import subjects, tasks
from app.errors import ConfigError, StoreError
from app.operations.configuration import config as configs
from app.operations.configuration.config import RunConfig
from app.operations.preview import PagePreview
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop
from app.viewmodels.formats import count_of
from app.viewmodels.launch_check import LaunchCheck
from app.viewmodels.launch_fields import LaunchForm, draft_values, values_of
from app.viewmodels.launch_look import Asked, Trial, count_items, look
from app.viewmodels.launch_rehearsal import LaunchRehearsal

LONGEST_COUNT_SECONDS = 60.0
PAUSE_MS = 250
"""How long typing rests before the form is looked at."""

SAMPLES = Path(__file__).resolve().parents[2] / "resources" / "samples"
SAMPLE_TASK = SAMPLES / "label_shapes.yaml"


class LaunchViewModel(QObject):
    """The form and its state.

    `checked(LaunchCheck)`; `checking(bool)`; `failed(str)` and `said(str)` are sentences for the banner;
    `launched(int)` carries the run; `refused()` comes when what was to be launched at once is not in order;
    `page_ready(str)` carries an address to open; `known_qualifications_changed(list)`.
    """

    checked = Signal(object)
    checking = Signal(bool)
    failed = Signal(str)
    said = Signal(str)
    launched = Signal(int)
    refused = Signal()
    page_ready = Signal(str)
    known_qualifications_changed = Signal(list)

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desktop = desktop
        self.form = LaunchForm(desktop.settings.preferences.currency, self)
        self.form.replaced.connect(self._replaced)
        self.form.edited.connect(self._touched)
        self.check = LaunchCheck()
        self._known: dict[str, int] = {}
        self._trial = Trial()
        self._estimate: float | None = None
        self._preview: PagePreview | None = None
        self._again = asyncio.Event()
        self._generation = 0
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._look)
        self._looker = Action(self._look_now, self)
        self._looker.busy_changed.connect(self.checking)
        self._looker.failed.connect(self.failed)
        self._opener = self._action(self._open_yaml)
        self._copier = self._action(self._open_like)
        self._saver = self._action(self._save_yaml)
        self.launcher = self._action(self._launch)
        self.previewer = self._action(self._serve_preview)
        self.rehearsal = LaunchRehearsal(desktop, self)
        self.rehearsal.ended.connect(self._rehearsed)
        self._names = self._action(self._read_names)
        self._counter = self._action(self._count_items)
        self._counted: tuple[str, int | None] = ("", None)
        self._fillings = 0

    @property
    def known_qualifications(self) -> list[str]:
        """The qualifications there are."""
        return sorted(self._known)

    @property
    def estimate(self) -> float | None:
        """How many seconds the requester thinks a unit takes."""
        return self._estimate

    @property
    def looking(self) -> bool:
        """Whether the form is being looked at, or is about to be."""
        return self._pause.isActive() or self._looker.busy

    def set_estimate(self, seconds: float | None) -> None:
        """Say how long a unit takes; None: not known."""
        self._estimate = seconds
        self._touched()

    def fill_sample(self) -> None:
        """The sample task that comes with the program, ready to launch."""
        self._opener.start(SAMPLE_TASK)

    def open_yaml(self, path: Path) -> None:
        """Fill the form from a task file; `failed` says file, line and key when it cannot be."""
        self._opener.start(path)

    def open_like(self, run_id: int) -> None:
        """Fill the form as a run was configured, to launch it again."""
        self._copier.start(run_id)

    def save_yaml(self, path: Path) -> None:
        """Write the form as a task file."""
        self._saver.start(path)

    def refresh(self) -> None:
        """The page is shown: look at the form and at what qualifications there are."""
        self._names.start()
        self._look()

    def launch(self) -> None:
        """Launch what is in the form, after a last look at it."""
        self.launcher.start()

    def launch_file(self, path: Path, overrides: Sequence[str]) -> None:
        """Launch a task file with values laid over it. What is not in order fills the form, and is shown there."""
        self.launcher.start(path, overrides)

    def open_preview(self) -> None:
        """Serve the worker's page with the first rows; `page_ready` carries the address.

        It is served until the window closes or the next preview is asked for.
        """
        if self.previewer.busy:
            self._again.set()
        else:
            self.previewer.start()

    def _action(self, work: Any) -> Action:
        action = Action(work, self)
        action.failed.connect(self.failed)
        return action

    # Looking

    def _replaced(self) -> None:
        """Other fields: what was tried out was something else."""
        self._trial = Trial()
        self._fillings += 1
        self._touched()

    def _touched(self) -> None:
        self._trial = replace(self._trial, rehearsed=0, faults=0)
        self._pause.start()

    def _look(self) -> None:
        self._pause.stop()
        self._generation += 1  # a look that is under way begins again
        self._looker.start()

    async def _look_now(self) -> None:
        """Look until what was looked at is what is entered."""
        while True:
            generation = self._generation
            asked = self._asked()
            check, _ = await asyncio.get_running_loop().run_in_executor(None, look, asked)
            if generation == self._generation:
                break
        self.check = check
        self.checked.emit(check)
        if check.preview is not None and check.preview.items is None and self._counted[0] != self._data_key():
            self._counter.start()

    def _data_key(self) -> str:
        """What the number of items depends on."""
        return repr((self.form.mapping()["blueprint"], str(self.form.values.base_dir)))

    async def _count_items(self) -> None:
        """Count behind what is too much to count at once; given up when the data is another, or after a while."""
        key, values, base_dir = self._data_key(), self.form.mapping(), self.form.values.base_dir
        until = time.monotonic() + LONGEST_COUNT_SECONDS
        ended = False

        def stop() -> bool:
            return ended or time.monotonic() > until

        try:
            counted = await asyncio.get_running_loop().run_in_executor(None, count_items, values, base_dir, stop)
        finally:
            ended = True
        self._counted = (key, counted)
        self._look()

    def _asked(self) -> Asked:
        key, counted = self._counted
        known = key == self._data_key()
        return Asked(
            values=self.form.mapping(),
            base_dir=self.form.values.base_dir,
            floor_per_hour=self.desktop.settings.preferences.pay_per_hour_floor,
            trial=self._measured(),
            known_qualifications=dict(self._known),
            counted=counted if known else None,
            uncountable=known and counted is None,
        )

    def _measured(self) -> Trial:
        """What was tried, with the best knowledge of how long a unit takes."""
        if self._estimate:
            return replace(self._trial, seconds=self._estimate, source="your estimate")
        tried = self._preview.seconds_tried if self._preview is not None else []
        if tried:
            words = "from one unit you tried" if len(tried) == 1 else f"from {len(tried)} units you tried"
            return replace(self._trial, seconds=sorted(tried)[len(tried) // 2], source=words)
        return self._trial

    async def _read_names(self) -> None:
        names = await self.desktop.store.read(subjects.count_holders)
        if names != self._known:
            self._known = names
            self.known_qualifications_changed.emit(sorted(names))
            self._look()

    # What can be done

    async def _filled(self) -> None:
        """Until a file that was asked for stands in the form: what is done next is meant for it."""
        if self._opener.busy or self._copier.busy:
            before = self._fillings
            await self._opener.wait()
            await self._copier.wait()
            if self._fillings == before:
                raise ConfigError("The form is as it was: what was to be opened could not be.")

    async def _config(self) -> RunConfig:
        """The configuration of the form as it stands; `ConfigError` says how many values are not in order."""
        await self._filled()
        check, config = await asyncio.get_running_loop().run_in_executor(None, look, self._asked())
        self.check = check
        self.checked.emit(check)
        if config is None:
            sentences = [*check.problems.values(), *check.general]
            first = f" The first: {sentences[0]}" if sentences else ""
            raise ConfigError(f"The form is not in order yet.{first}", advice="What is wrong stands under the fields.")
        return config

    async def _open_yaml(self, path: Path) -> None:
        loop = asyncio.get_running_loop()
        config = await loop.run_in_executor(None, configs.load_task_file, path)
        self.form.replace(values_of(config))
        self.said.emit("" if path == SAMPLE_TASK else f"{path.name} is open. Nothing is launched yet.")

    async def _open_like(self, run_id: int) -> None:
        row = await self.desktop.store.read(tasks.get_task_run, run_id)
        loop = asyncio.get_running_loop()
        config = await loop.run_in_executor(None, configs.from_yaml, row.init_params)
        self.form.replace(values_of(config))
        self.said.emit(f"The form is filled as run {run_id} was. Nothing is launched yet.")

    async def _save_yaml(self, path: Path) -> None:
        text = configs.to_yaml(await self._config())
        temporary = path.with_name(f".{path.name}.tmp")

        def write() -> None:
            temporary.write_text(text, "utf-8")
            temporary.replace(path)

        try:
            await asyncio.get_running_loop().run_in_executor(None, write)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from None
        self.desktop.toasts.say(f"Saved as {path}.", "ok")

    async def _launch(self, path: Path | None = None, overrides: Sequence[str] = ()) -> None:
        if path is not None:
            await self._fill_from(path, overrides)
        config = await self._config()
        try:
            run = await self.desktop.operator.launch(config)
        except ConfigError as error:
            self._blame(error)
            raise
        self.launched.emit(run.run_id)
        if path is not None and self.check.preview is not None and (left_out := self.check.preview.left_out):
            count = count_of(len(left_out), "row")
            self.desktop.toasts.say(f"{count} of the data left out: {left_out[0]} The run's log has all.", "warn")

    async def _fill_from(self, path: Path, overrides: Sequence[str]) -> None:
        """Fill the form from a task file that is launched at once; what is wrong in it too, then `ConfigError`."""
        loop = asyncio.get_running_loop()
        try:
            config = await loop.run_in_executor(None, configs.load_task_file, path, overrides)
        except ConfigError as error:
            draft = await loop.run_in_executor(None, _draft, path, overrides)
            left_out: list[str] = []
            if draft is not None:
                values, left_out = draft_values(*draft, self.form.empty())
                self.form.replace(values)
                self.refused.emit()
                self._look()
            words = [error.advice, "Nothing was launched."]
            if left_out:
                words.append(f"The form has no field for {', '.join(left_out)}: left out.")
            raise ConfigError(error.message, key=error.key, advice=" ".join(words).strip()) from None
        self.form.replace(values_of(config))

    def _blame(self, error: ConfigError) -> None:
        """Show what only the launch could find under the field that it is about."""
        if error.key:
            key = error.key.removeprefix("mephisto.")
            self.check = replace(self.check, problems={**self.check.problems, key: error.message}, ready=False)
            self.checked.emit(self.check)

    async def _serve_preview(self) -> None:
        while True:
            self._again.clear()
            config = await self._config_for_pages()
            preview = PagePreview(config, self.desktop.settings.build_dir, self.desktop.clock, self._look)
            try:
                url = await preview.open()
                self._preview = preview
                self._trial = replace(self._trial, previewed=True)
                self.page_ready.emit(url)
                self._look()
                await self._again.wait()
            finally:
                await preview.close()

    async def _config_for_pages(self) -> RunConfig:
        """As `_config`, but titles may still be missing: the page can be looked at before they are written."""
        await self._filled()
        values = self.form.mapping()
        for name in ("task_name", "task_title", "task_description"):
            values["task"][name] = values["task"].get(name) or "To be written"

        def make() -> RunConfig:
            config, problems = configs.from_values(values, self.form.values.base_dir)
            if config is None:
                raise ConfigError(f"The page cannot be shown yet: {problems[0].message}")
            return config

        return await asyncio.get_running_loop().run_in_executor(None, make)

    def rehearse(self, workers: int, units: int, accuracy: float, drop_out: float, rudeness: float) -> None:
        """Let simulated workers do some units of what is in the form, aside: nothing of it is kept or paid."""
        self.rehearsal.start(self._config, workers, units, accuracy, drop_out, rudeness)

    def _rehearsed(self) -> None:
        self._trial = replace(self._trial, rehearsed=self.rehearsal.submitted, faults=len(self.rehearsal.faults))
        self._look()


def _draft(path: Path, overrides: Sequence[str]) -> tuple[dict[str, dict[str, Any]], Path] | None:
    """What a wrong task file says; without the values laid over it where those cannot be read; None where it cannot."""
    for laid_over in (overrides, ()):
        try:
            return configs.draft_of_task_file(path, laid_over)
        except ConfigError:
            continue
    return None
