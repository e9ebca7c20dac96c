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
LONGEST_MODULE = 600
LONGEST_FUNCTION = 100


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
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
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
