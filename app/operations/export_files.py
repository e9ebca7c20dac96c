"""Files that a blueprint makes of each answer (a text track of a video), written beside an export: all or none."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from app.blueprints import registry as blueprints
from app.blueprints.base import OffersFiles
from app.data.files import make_private_folder, safe_name
from app.data.repo.answers import ExportedAnswer
from app.errors import AppError, StoreError
from app.operations.configuration import config as configs

log = logging.getLogger(__name__)


def offers_of(init_params: str) -> OffersFiles | None:
    """The blueprint of a run when it makes files of answers; None when it does not, or cannot be made any more."""
    try:
        config = configs.from_yaml(init_params)
        blueprint = blueprints.get(config.blueprint_type)(config.blueprint, config.base_dir)
    except (AppError, KeyError) as error:
        log.info("A run is exported without what its blueprint makes of answers: %s", error)
        return None
    return blueprint if isinstance(blueprint, OffersFiles) else None


class AnswerFiles:
    """A folder `NAME.answers` beside the export NAME. What is in it already stays, but for files of the same names."""

    def __init__(self, offers: OffersFiles, export: Path) -> None:
        self._offers = offers
        self.folder = export.with_name(f"{export.stem}.answers")
        self._partial = export.with_name(f".{export.stem[:60]}.{secrets.token_hex(4)}.partial")
        self.count = 0

    def add(self, row: ExportedAnswer) -> list[str]:
        """Make the files of a submission; returns where they will be. Reads and writes: not for the loop's thread."""
        places = []
        try:
            for name, content in self._offers.answer_files(row.inputs, row.outputs):
                name = f"U-{row.unit_id}-{row.agent_id}-{safe_name(name)}"
                (self._partial / name).write_bytes(content)
                places.append(str(self.folder / name))
        except OSError as error:
            raise _fault(self._partial, error) from None
        self.count += len(places)
        return places

    def add_all(self, rows: Iterable[ExportedAnswer]) -> None:
        """Make those of several submissions."""
        for row in rows:
            self.add(row)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """When the block ends well the files stand in the folder; else none of them is left."""
        try:
            try:
                make_private_folder(self._partial)
                yield
                make_private_folder(self.folder)
                for path in sorted(self._partial.iterdir()):
                    os.replace(path, self.folder / path.name)
            except OSError as error:
                raise _fault(self.folder, error) from None
        finally:
            shutil.rmtree(self._partial, ignore_errors=True)


def _fault(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be written: {error.strerror or error}.", "See to the disk's space.")
