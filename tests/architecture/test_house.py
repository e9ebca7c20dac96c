"""The rules of the house that no off-the-shelf checker knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(ROOT.glob("app/**/*.py"))
FORBIDDEN_SUFFIXES = ("Manager", "Helper", "Helpers", "Util", "Utils")
LONGEST_MODULE = 510
LONGEST_FUNCTION = 60
BOUNDARIES = {
    "app/operations/operator.py": "one run",
    "app/blueprints/task_code.py": "the requester's own code",
    "app/operations/engine/client_io.py": "one packet",
    "app/operations/engine/batches.py": "one packet, come out where it waits",
    "app/operations/engine/logics.py": "one run's own logic",
    "app/viewmodels/action.py": "one click",
    "app/headless/commands.py": "one command",
    "app/data/store.py": "one caller's work on the writer thread, come out where it waits",
    "app/data/changes.py": "one listener, told on when everybody has heard",
}
"""Where a fault of any kind may be caught and not raised again at once, and of what it is the boundary."""
TESTS_WITHOUT_A_SOURCE = {
    "icons": "the names of icons in all views",
    "qt_refcount": "a fault of the binding, for as long as it is there",
}


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name]


def definitions(path: Path) -> list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def test_every_package_marker_is_empty() -> None:
    filled = [str(path) for path in ROOT.glob("app/**/__init__.py") if path.read_text("utf-8").strip()]
    assert filled == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_the_fields_own(path: Path) -> None:
    classes = [node.name for node in definitions(path) if isinstance(node, ast.ClassDef)]
    assert [n for n in classes if n.endswith(FORBIDDEN_SUFFIXES) or n.startswith(("Base", "Abstract"))] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_keep_to_one_thing(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE
    functions = [node for node in definitions(path) if not isinstance(node, ast.ClassDef)]
    long = [
        f"{node.name}: {(node.end_lineno or 0) - node.lineno + 1} lines"
        for node in functions
        if (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_public_classes_say_what_they_are(path: Path) -> None:
    undocumented = [
        node.name
        for node in definitions(path)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert undocumented == []


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Catches anything, and does not raise it again at its end."""
    kinds = (
        {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)} if handler.type else {"Exception"}
    )
    last = handler.body[-1]
    return bool(kinds & {"Exception", "BaseException"}) and not (isinstance(last, ast.Raise) and last.exc is None)


def test_faults_of_any_kind_are_caught_at_the_boundaries_only() -> None:
    catching = set()
    for path in SOURCES:
        handlers = [
            node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ExceptHandler)
        ]
        if any(is_broad(handler) for handler in handlers):
            catching.add(path.relative_to(ROOT).as_posix())
    assert catching == set(BOUNDARIES)


def test_only_the_commands_print() -> None:
    printing = set()
    for path in SOURCES:
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        if any(isinstance(call.func, ast.Name) and call.func.id == "print" for call in calls):
            printing.add(path.relative_to(ROOT).parts[1])
    assert printing == {"headless"}


def test_every_silenced_check_says_why() -> None:
    silent = []
    for path in SOURCES:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if re.search(r"# (noqa(: [A-Z0-9, ]+)?|type: ignore(\[[a-z, -]+\])?)\s*$", line):
                silent.append(f"{path.relative_to(ROOT)}:{number}")
    assert silent == []


def test_every_test_file_mirrors_a_source_or_says_why_not() -> None:
    names = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}
    strays = set()
    for path in (*ROOT.glob("tests/unit/**/test_*.py"), *ROOT.glob("tests/gui/test_*.py")):
        subject = path.stem.removeprefix("test_")
        parts = subject.split("_")
        if not any("_".join(parts[:count]) in names for count in range(len(parts), 0, -1)):
            strays.add(subject)
    assert strays == set(TESTS_WITHOUT_A_SOURCE)


def test_dialogs_are_opened_never_executed() -> None:
    pattern = re.compile(r"\.exec\(\)|\.exec_\(|processEvents\(|asyncClose")
    found = [str(path) for path in SOURCES if pattern.search(path.read_text("utf-8"))]
    assert found == []


def test_the_lock_names_no_registry() -> None:
    text = (ROOT / "requirements.txt").read_text("utf-8")
    assert "://" not in text
    assert "index-url" not in text
    assert not any(path.name in ("uv.lock", "pylock.toml") for path in tracked_files())


def test_every_pinned_package_has_its_hashes() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.txt").read_text("utf-8").strip())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
