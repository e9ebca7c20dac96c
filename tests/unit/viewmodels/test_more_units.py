"""More items for a run in flight, from a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from app.errors import ConfigError
from app.operations.configuration.config import from_values, to_yaml
from app.viewmodels.more_units import read_items

LATER = datetime.now(UTC) + timedelta(days=1)


def rows_run(folder: Path) -> str:
    """The configuration of a run of rows, as it is kept with the run."""
    (folder / "task.html").write_text("<p>${sentence}</p><textarea name='answer'></textarea>", "utf-8")
    (folder / "rows.csv").write_text("sentence\nOne.\n", "utf-8")
    return made(
        folder,
        {
            "_blueprint_type": "static_html",
            "task_source": "task.html",
            "data_csv": "rows.csv",
            "units_per_assignment": 2,
        },
    )


def images_run(folder: Path) -> str:
    (folder / "images").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(folder / "images" / name)
    return made(folder, {"_blueprint_type": "image_label", "image_folder": "images", "labels": ["round", "square"]})


def made(folder: Path, blueprint: dict[str, object]) -> str:
    config, problems = from_values(
        {
            "task": {"task_name": "t", "task_title": "t", "task_description": "d", "task_reward": "0.1"},
            "provider": {"_provider_type": "inhouse"},
            "architect": {"_architect_type": "local"},
            "blueprint": blueprint,
        },
        folder,
    )
    assert config is not None, problems
    return to_yaml(config)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("more.csv", "sentence\nTwo.\nThree.\n"),
        ("more.json", '[{"sentence": "Two."}, {"sentence": "Three."}]'),
        ("more.jsonl", '{"sentence": "Two."}\n{"sentence": "Three."}\n'),
    ],
)
def test_a_file_of_any_kind_of_rows_is_read_with_the_workers_per_item_of_the_run(
    tmp_path: Path, name: str, text: str
) -> None:
    params, path = rows_run(tmp_path), tmp_path / name
    path.write_text(text, "utf-8")
    found = read_items(params, path, LATER)
    assert [item.shared["sentence"] for item in found.items] == ["Two.", "Three."]
    assert {len(item.unit_data) for item in found.items} == {2}
    assert not found.errors


def test_a_row_that_cannot_be_used_is_told_and_the_others_are_taken(tmp_path: Path) -> None:
    params, path = rows_run(tmp_path), tmp_path / "more.jsonl"
    path.write_text('{"sentence": "Two."}\nnot json\n', "utf-8")
    found = read_items(params, path, LATER)
    assert len(found.items) == 1
    assert [error.line for error in found.errors] == [2]


def test_a_file_without_a_usable_row_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    params, path = rows_run(tmp_path), tmp_path / "more.csv"
    path.write_text("sentence\n", "utf-8")
    with pytest.raises(ConfigError):
        read_items(params, path, LATER)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    params, path = rows_run(tmp_path), tmp_path / "more.xlsx"
    path.write_bytes(b"PK")
    with pytest.raises(ConfigError, match="cannot be read as rows"):
        read_items(params, path, LATER)


def test_images_that_the_run_does_not_serve_are_left_out(tmp_path: Path) -> None:
    params = images_run(tmp_path)
    began = datetime.now(UTC) + timedelta(seconds=1)
    path = tmp_path / "images" / "again.txt"
    path.write_text("a.png\nb.png\n", "utf-8")
    assert [item.shared["image"] for item in read_items(params, path, began).items] == ["a.png", "b.png"]
    with pytest.raises(ConfigError, match="new images need a new run"):  # all of them came after the run began
        read_items(params, path, began - timedelta(hours=1))


def test_images_from_elsewhere_are_left_out(tmp_path: Path) -> None:
    params = images_run(tmp_path)
    Image.new("RGB", (8, 8)).save(tmp_path / "c.png")
    path = tmp_path / "more.txt"
    path.write_text("c.png\nimages/a.png\n", "utf-8")
    with pytest.raises(ConfigError):
        read_items(params, path, LATER)
