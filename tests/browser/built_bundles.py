"""Front ends of ours, built with npm on packages from the registry; installed once, then built without the network."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

SOURCES = Path(__file__).parent / "bundles"
NAMES = ("review", "talk", "remote", "live")
SECONDS = 300


class BundlesCannotBeBuilt(Exception):
    """npm is missing, or what it was asked for failed; the text is what it said."""


def build(folder: Path) -> dict[str, Path]:
    """The built scripts in `folder`, by the names of `NAMES`; `talk` has a style sheet beside it."""
    home = _installed()
    made = {}
    shutil.copytree(SOURCES / "src", folder / "src")
    # sources find their packages from where they stand: the packages are linked beside them, not copied
    (folder / "node_modules").symlink_to(home / "node_modules", target_is_directory=True)
    for name in NAMES:
        script = folder / "built" / f"{name}.js"
        options = ("--bundle", "--format=iife", "--target=es2020", '--define:process.env.NODE_ENV="production"')
        _run(
            [_tool("node"), "node_modules/esbuild/bin/esbuild", f"src/{name}.jsx", f"--outfile={script}", *options],
            folder,
        )
        made[name] = script
    return made


def _installed() -> Path:
    """The folder with the packages of the lock file: made once per lock, outside of the tree."""
    lock_file = SOURCES / "package-lock.json"
    digest = hashlib.sha256(lock_file.read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crowdesk" / "bundles"
    home = cache / digest
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / f"{digest}.lock", timeout=SECONDS):
        if not (home / "installed").exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SOURCES / name, home)
            # no script of a package is run
            _run([_tool("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], home)
            (home / "installed").touch()
    return home


def _tool(name: str) -> str:
    """npm or node: those of the virtual environment, else the system's."""
    ours = Path(sys.executable).parent / name
    found = str(ours) if ours.exists() else shutil.which(name)
    if found is None:
        raise BundlesCannotBeBuilt(f"There is no {name}; it comes with the test set-up: sh setup.sh test")
    return found


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        raise BundlesCannotBeBuilt(f"{' '.join(command[:3])} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


if __name__ == "__main__":  # ahead of the tests, while there is a network: python -m tests.browser.built_bundles
    _installed()
