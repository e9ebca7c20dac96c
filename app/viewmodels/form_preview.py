"""A form as a worker sees it, in the browser, before it is saved."""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.blueprints.form.form_files import INSERTIONS, SEPARATE_TOKENS, TOKEN_SETS, put_in
from app.blueprints.form.tokens import sample_row, tokens_of
from app.errors import ConfigError
from app.operations.configuration import config as configs
from app.operations.configuration.config import RunConfig
from app.operations.preview import PagePreview
from app.viewmodels.action import Action
from app.viewmodels.desktop import Desktop

_DATA = ("data_csv", "data_json", "data_jsonl", "static_task_data", "data_function", "token_file")
_BESIDE = (TOKEN_SETS, SEPARATE_TOKENS)


class FormPreview(QObject):
    """Serves one form at a time. `page_ready(str)`: the address to open; `failed(str)`."""

    page_ready = Signal(str)
    failed = Signal(str)

    def __init__(self, desktop: Desktop, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desktop = desktop
        self._again = asyncio.Event()
        self._asked: tuple[Any, Path | None] = ({}, None)
        self._values: Callable[[], tuple[dict[str, Any], Path]] = lambda: ({}, Path.home())
        self.server = Action(self._serve, self)
        self.server.failed.connect(self.failed)

    def follow(self, values: Callable[[], tuple[dict[str, Any], Path]]) -> None:
        """Where data comes from: the blueprint's values of the launch form, and the folder they are relative to."""
        self._values = values

    def open(self, value: Any, file: Path | None) -> None:
        """Show a form; what lies beside its file is used too. The one shown before is taken down."""
        self._asked = (copy.deepcopy(value), file)
        if self.server.busy:
            self._again.set()
        else:
            self.server.start()

    def close(self) -> None:
        """Stop serving."""
        self.server.cancel()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        builds = self._desktop.settings.build_dir
        while True:
            self._again.clear()
            folder = await loop.run_in_executor(None, _new_folder, builds)
            try:
                config = await loop.run_in_executor(None, _config, *self._asked, folder, *self._values())
                preview = PagePreview(config, builds, self._desktop.clock)
                try:
                    self.page_ready.emit(await preview.open())
                    await self._again.wait()
                finally:
                    await preview.close()
            finally:
                await loop.run_in_executor(None, shutil.rmtree, folder, True)


def _new_folder(builds: Path) -> Path:
    builds.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="form-", dir=builds))


def _config(value: Any, file: Path | None, folder: Path, given: dict[str, Any], base_dir: Path) -> RunConfig:
    """A task of the form as it stands, with the data of the launch form, or made-up words for its tokens."""
    if file is not None:
        for name in _BESIDE:
            if (file.parent / name).is_file():
                shutil.copy(file.parent / name, folder / name)
        if (file.parent / INSERTIONS).is_dir():
            shutil.copytree(file.parent / INSERTIONS, folder / INSERTIONS)
        value = put_in(value, file.parent, "blueprint.form_file")
    (folder / "form.json").write_text(json.dumps(value), "utf-8")
    data = {name: given[name] for name in _DATA if given.get(name)}
    if not data and tokens_of(value) and not any((folder / name).is_file() for name in _BESIDE):
        data = {"static_task_data": [sample_row(value)]}
    blueprint: dict[str, Any] = {"_blueprint_type": "form", "form_file": str(folder / "form.json"), **data}
    if given.get("extra_source_dir"):
        blueprint["extra_source_dir"] = given["extra_source_dir"]
    task = dict.fromkeys(("task_name", "task_title", "task_description"), "Preview")
    values = {"task": task, "blueprint": blueprint, "provider": {}, "architect": {}}
    config, problems = configs.from_values(values, base_dir)
    if config is None:
        raise ConfigError(f"The form cannot be shown yet: {problems[0].message}")
    return config
