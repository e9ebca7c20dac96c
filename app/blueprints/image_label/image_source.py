"""The images of a task, in order: a folder, or a list of paths and addresses."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from app.blueprints.base import RowError
from app.blueprints.image_label.image_files import ImageFault, LocalImage, check_image, walk_images
from app.blueprints.row import Row, make_row
from app.blueprints.row_files import check_file, open_text, read_rows
from app.blueprints.rows import MAX_KEPT_ERRORS
from app.blueprints.served_files import image_origin
from app.errors import ConfigError

_TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".json", ".jsonl", ".ndjson"))
_NAME_FIELDS = ("image", "url", "file", "path")
_COUNTED_AT_ONCE = 2000
MAX_ADDRESS = 2000


class ImageSource:
    """Reading it again gives the same images in the same order; each file is checked once."""

    def __init__(self, folder: str, list_file: str, base_dir: Path) -> None:
        self._folder = (base_dir / Path(folder).expanduser()).resolve() if folder else None
        self._list = (base_dir / Path(list_file).expanduser()).resolve() if list_file else None
        self._checked: dict[str, LocalImage | str] = {}
        self._errors: dict[tuple[str, int], RowError] = {}
        self._following: dict[str, str] = {}

    @property
    def root(self) -> Path | None:
        """The folder that every local image lies in."""
        return self._folder or (self._list.parent if self._list else None)

    @property
    def errors(self) -> list[RowError]:
        """What was left out, and why, as far as it was read; the first thousand."""
        return sorted(self._errors.values(), key=lambda error: (error.source, error.line))

    def check(self) -> None:
        """Raise `ConfigError` when there is no image at all. Quick: looks at the first that can be shown."""
        if self._folder is None and self._list is None:
            raise ConfigError("The task has no images. Give image_folder or image_list.", key="blueprint.image_folder")
        if self._folder is not None and not self._folder.is_dir():
            raise ConfigError(f"There is no folder {self._folder}.", key="blueprint.image_folder")
        if self._list is not None:
            check_file(self._list, "blueprint.image_list")
        if next(self.read(), None) is None:
            told = f" The first: {self.errors[0].message}" if self.errors else ""
            key = "blueprint.image_list" if self._list else "blueprint.image_folder"
            raise ConfigError(f"There is no image in {self._list or self._folder} that can be shown.{told}", key=key)

    def read(self) -> Iterator[dict[str, Any]]:
        """`{"image": name or address, "width", "height"}` and the list's other fields, one by one."""
        before = ""
        for row in self._rows():
            if isinstance(row, RowError):
                self._leave_out(row)
                continue
            name = next((str(row.values[field]).strip() for field in _NAME_FIELDS if row.values.get(field)), "")
            fault = "names no image: the field must be called image." if not name else self._fault(name)
            if fault is not None:
                self._leave_out(RowError(row.source, row.line, f"{name} {fault}".strip()))
                continue
            rest = {key: value for key, value in row.values.items() if key not in ("width", "height")}
            local = self.local(name)
            size = {"width": local.width, "height": local.height} if local is not None else {}
            if local is not None and before:
                self._following[before] = local.name
            before = local.name if local is not None else ""
            yield {**rest, "image": local.name if local is not None else name, **size}

    def local(self, name: str) -> LocalImage | None:
        """The checked file of that name; None for an address on the web and for what cannot be shown."""
        if "://" in name or self.root is None:
            return None
        if name not in self._checked:
            try:
                self._checked[name] = check_image(self.root / name, self.root)
            except ImageFault as fault:
                self._checked[name] = str(fault)
        found = self._checked[name]
        return found if isinstance(found, LocalImage) else None

    def following(self, name: str) -> LocalImage | None:
        """The file that comes after that one, as far as the images were read."""
        found = self._following.get(name)
        return self.local(found) if found is not None else None

    def count(self) -> int | None:
        """How many images can be shown, when there are few enough to look at all of them at once."""
        first = list(islice(self._rows(), _COUNTED_AT_ONCE + 1))
        if len(first) > _COUNTED_AT_ONCE:
            return None
        return sum(1 for _ in self.read())

    def _fault(self, name: str) -> str | None:
        if "://" in name:
            good = len(name) <= MAX_ADDRESS and not any(c.isspace() for c in name) and image_origin(name) is not None
            return None if good else "is no http or https address."
        self.local(name)
        found = self._checked.get(name)
        return found if isinstance(found, str) else None

    def _rows(self) -> Iterator[Row | RowError]:
        if self._list is None:
            root = self._folder
            assert root is not None, "check() refuses a task without images"
            for place, path in enumerate(walk_images(root), 1):
                yield make_row(root.name, place, {"image": path.relative_to(root).as_posix()})
            return
        if self._list.suffix.lower() in _TABLE_SUFFIXES:
            yield from read_rows(self._list)
            return
        with open_text(self._list) as stream:
            for line, text in enumerate(stream, 1):
                if text.strip() and not text.lstrip().startswith("#"):
                    yield make_row(self._list.name, line, {"image": text.strip()})

    def _leave_out(self, error: RowError) -> None:
        if len(self._errors) < MAX_KEPT_ERRORS:
            self._errors[error.source, error.line] = error
