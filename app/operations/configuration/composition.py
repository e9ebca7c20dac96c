"""From a task file to one tree: its `defaults:` list and the `key=value` overrides, laid over it as Hydra does."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from app.errors import ConfigError
from app.operations.configuration.task_file import KeyPath, Place, Tree, read_tree, scalar

ROOT = "mephisto"
KINDS = ("blueprint", "provider", "architect")
SECTIONS = ("task", *KINDS)
COMMAND_LINE = "command line"
MAX_FILES = 32

ALIASES = {"blueprint": {"static_task": "static_html", "static_react_task": "static_react"}}
"""Mephisto's names of what is called otherwise here."""


def compose(path: Path, overrides: Sequence[str]) -> Tree:
    """The tree of a task file, with what its defaults list brings and the overrides laid over it; not interpolated.

    `ConfigError` for a file of the defaults list that is missing, a circle, an override that cannot be read.
    """
    folder = path.resolve().parent
    tree = _Composer(folder).load(path, ())
    apply_overrides(tree, overrides)
    return tree


def lay_defaults(tree: Tree, folder: Path) -> Tree:
    """A tree that was read from text, with what its own defaults list brings."""
    return _Composer(folder).expand(tree, ())


def type_key(kind: str) -> str:
    """The key that names the kind of a section: `_blueprint_type`."""
    return f"_{kind}_type"


class _Composer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: list[Path] = []
        self._files = 0

    def load(self, path: Path, package: KeyPath) -> Tree:
        """A file and its defaults, placed below `package` unless the file's own header says `_global_`."""
        resolved = path.resolve()
        if resolved in self._open:
            raise ConfigError("The defaults list leads back to this file.", file=str(path))
        self._files += 1
        if self._files > MAX_FILES:
            raise ConfigError(f"The defaults lists name more than {MAX_FILES} files.", file=str(path))
        tree = read_tree(path)
        if tree.package is not None:
            package = () if tree.package == "_global_" else tuple(tree.package.split("."))
        self._open.append(resolved)
        made = self.expand(tree, package)
        self._open.pop()
        return made

    def expand(self, tree: Tree, package: KeyPath) -> Tree:
        entries = tree.values.pop("defaults", None)
        whole = Tree({}, {(): tree.place_of(())})
        if entries is None:
            whole.merge(tree, package)
            return whole
        if not isinstance(entries, list):
            raise tree.error(("defaults",), "must be a list.")
        laid = False
        for index, entry in enumerate(entries):
            if entry == "_self_":
                whole.merge(tree, package)
                laid = True
            else:
                self._entry(whole, tree, entry, ("defaults", index), package)
        if not laid:  # as Hydra 1.1 and later: without `_self_` the file itself comes last
            whole.merge(tree, package)
        return whole

    def _entry(self, whole: Tree, tree: Tree, entry: Any, at: KeyPath, package: KeyPath) -> None:
        group, choice = next(iter(entry.items())) if isinstance(entry, dict) and len(entry) == 1 else ("", entry)
        optional = group.startswith("optional ")
        group = group.removeprefix("optional ").removeprefix("override ").strip()
        group, _, said_package = group.partition("@")
        if choice is None:
            return
        if not isinstance(choice, str) or "${" in choice:
            raise tree.error(at, "must be a name, or one group with the name of a choice.")
        group = group.strip("/")
        below: KeyPath = tuple(group.split("/")) if group else package
        if said_package:
            below = () if said_package == "_global_" else tuple(said_package.split("."))
        if self._lay_file(whole, tree, group, choice, below, at):
            return
        parts = group.split("/")
        if len(parts) == 2 and parts[0] == ROOT and parts[1] in KINDS:
            choose(whole, parts[1], choice, tree.place_of(at))
        elif not optional and group != f"{ROOT}/task":
            shown = f"{group}/{choice}" if group else choice
            raise tree.error(at, f'there is no file "{shown}.yaml" in {self._folder}.')

    def _lay_file(self, whole: Tree, tree: Tree, group: str, choice: str, package: KeyPath, at: KeyPath) -> bool:
        name = f"{group}/{choice}" if group else choice.lstrip("/")
        file = (self._folder / (name if name.endswith((".yaml", ".yml")) else f"{name}.yaml")).resolve()
        if not file.is_relative_to(self._folder):
            raise tree.error(at, f'"{name}" is outside the folder of the task file.')
        if not file.is_file():
            return False
        whole.merge(self.load(file, package))
        return True


def choose(tree: Tree, kind: str, choice: str, place: Place) -> None:
    """Set the kind of a section: `choose(tree, "blueprint", "static_html", place)`."""
    path: KeyPath = (ROOT, kind, type_key(kind))
    over = Tree({ROOT: {kind: {type_key(kind): choice}}}, {path: place})
    tree.merge(over)


def apply_overrides(tree: Tree, overrides: Sequence[str]) -> None:
    """Lay `key=value` texts over a tree, in Hydra's grammar. Keys may leave out `mephisto.`.

    `key=value` and `+key=value` set, `~key` takes out, `mephisto/blueprint=static_html` chooses a kind.
    """
    if not overrides:
        return
    # Hydra brings the parser of its own grammar; imported here because it costs 0.1 s that most commands do not need
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser: Any = OverridesParser.create()
    place = Place(COMMAND_LINE, 0)
    for text in overrides:
        try:
            override = parser.parse_override(text)
        except HydraException:
            message = f'"{text}" is not an override.'
            raise ConfigError(
                message, file=COMMAND_LINE, advice="Write key=value; quote a value with spaces."
            ) from None
        if override.is_sweep_override():
            raise ConfigError(
                f'"{text}" stands for several values.', file=COMMAND_LINE, advice="A list is written key=[a,b]."
            )
        key = override.key_or_group
        if "/" in key:
            _choose_group(tree, key, override.value(), text, place)
            continue
        path = _full_key(key, tree)
        if override.is_delete():
            if not tree.remove(path):
                raise ConfigError(f'"{text}": there is no such key to take out.', key=key, file=COMMAND_LINE)
            continue
        value = _plain(override.value())
        if isinstance(value, float):  # as it was written: 0.10 stays 0.10
            value = scalar(text.partition("=")[2].strip())
        over = Tree({str(path[-1]): value}, {(): place})
        _mark(over, over.values, (), place)
        tree.merge(over, path[:-1])
        tree.places[path] = place


def _choose_group(tree: Tree, group: str, choice: Any, text: str, place: Place) -> None:
    parts = group.strip("/").split("/")
    kind = parts[-1]
    if len(parts) > 2 or (len(parts) == 2 and parts[0] != ROOT) or kind not in KINDS or not isinstance(choice, str):
        advice = ""
        if near := get_close_matches(kind, KINDS, n=1):
            advice = f'Did you mean "{ROOT}/{near[0]}"?'
        raise ConfigError(f'"{text}": there is no such group.', key=group, file=COMMAND_LINE, advice=advice)
    choose(tree, kind, choice, place)


def _full_key(key: str, tree: Tree) -> KeyPath:
    path: KeyPath = tuple(key.split("."))
    if len(path) > 1 and path[0] in SECTIONS and path[0] not in tree.values:
        return (ROOT, *path)
    return path


def _plain(value: Any) -> Any:
    """What Hydra's parser made, as plain values (its quoted texts become texts)."""
    if isinstance(value, dict):
        return {str(key): _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _mark(tree: Tree, value: Any, path: KeyPath, place: Place) -> None:
    tree.places[path] = place
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in pairs:
        _mark(tree, below, (*path, key), place)
