"""What every blueprint keeps to, whichever it is."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.args import check, describe
from app.blueprints import registry
from app.blueprints.base import Blueprint, SubmissionView
from app.errors import ConfigError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
KINDS = ("mock", "static_html", "form", "image_label", "remote_procedure", "static_react", "chat", "video_label")
TAKES_ANY_JSON = ("static_react",)
"""What an answer of a bundle looks like is between the bundle and the requester."""

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
answer_keys = st.sampled_from(["answer", "labels", "boxes", "cannot_tell", "comment", "tone", "about", "sure", "words"])
hostile_answers = json_values | st.dictionaries(answer_keys, json_values, max_size=6)
hostile_boxes = st.fixed_dictionaries({"labels": json_values, "boxes": st.lists(json_values, max_size=3)})
hostile_files = st.lists(
    st.fixed_dictionaries(
        {"filename": st.text(max_size=10), "original_name": st.text(max_size=10), "field": st.text(max_size=8)},
        optional={"size": st.integers() | st.none(), "mimetype": st.text(max_size=10)},
    ),
    max_size=3,
)


def make(kind: str, **changes: Any) -> Blueprint:
    """The blueprint of an example."""
    file = EXAMPLES / kind / "task.yaml"
    values = yaml.safe_load(file.read_text("utf-8"))["mephisto"]["blueprint"] | changes
    blueprint = registry.get(kind)
    args, problems = check(blueprint.ArgsClass, values)
    assert args is not None, problems
    blueprint.assert_task_args(args, file.parent)
    return blueprint(args, file.parent)


@pytest.fixture(params=KINDS)
def blueprint(request: pytest.FixtureRequest) -> Blueprint:
    return make(request.param)


def first_inputs(blueprint: Blueprint) -> dict[str, Any]:
    item = next(blueprint.iter_assignments())
    return dict(blueprint.initial_data(item.shared, item.unit_data[0]))


def test_it_is_known_by_its_type(blueprint: Blueprint) -> None:
    assert registry.get(blueprint.BLUEPRINT_TYPE) is type(blueprint)
    assert blueprint.BLUEPRINT_TYPE in registry.names()
    assert blueprint.TITLE


def test_its_arguments_have_help_and_defaults(blueprint: Blueprint) -> None:
    specs = {spec.name: spec for spec in describe(blueprint.ArgsClass)}
    assert {"_blueprint_type", "block_qualification", "onboarding_qualification"} <= set(specs)
    assert all(spec.meta.help for spec in specs.values())
    assert specs["_blueprint_type"].default == blueprint.BLUEPRINT_TYPE


def test_every_item_has_a_unit_for_each_worker(blueprint: Blueprint) -> None:
    for item in blueprint.iter_assignments():
        assert len(item.unit_data) == blueprint.units_per_assignment()
        json.dumps({"shared": dict(item.shared), "unit_data": [dict(unit) for unit in item.unit_data]}, allow_nan=False)


def test_reading_again_gives_the_same_items(blueprint: Blueprint) -> None:
    assert list(blueprint.iter_assignments()) == list(blueprint.iter_assignments())


def test_a_resumed_launch_goes_on_where_it_was(blueprint: Blueprint) -> None:
    items = list(blueprint.iter_assignments())
    for start in (1, len(items) - 1, len(items), len(items) + 5):
        assert list(blueprint.iter_assignments(start)) == items[start:]


def test_items_are_made_lazily(blueprint: Blueprint) -> None:
    assert len(list(islice(blueprint.iter_assignments(), 2))) == 2


def test_the_count_is_that_of_the_items(blueprint: Blueprint) -> None:
    assert blueprint.count_assignments() in (None, sum(1 for _ in blueprint.iter_assignments()))


def test_the_preview_has_texts_in_named_columns(blueprint: Blueprint) -> None:
    columns, rows = blueprint.data_preview(3)
    assert 0 < len(rows) <= 3
    assert all(len(row) == len(columns) and all(isinstance(cell, str) for cell in row) for row in rows)


def test_its_pages_are_files_that_are_there(blueprint: Blueprint, tmp_path: Path) -> None:
    pages = blueprint.get_pages(tmp_path / "build")
    assert {"/", "/task", "/task_index", "/welcome", "/preview"} <= set(pages.pages)
    for url, path in {**pages.pages, **pages.static}.items():
        assert url.startswith("/")
        assert path.is_file(), url
        assert path.is_absolute(), url
    json.dumps(dict(pages.task_config), allow_nan=False)


def test_its_pages_name_only_files_that_are_served(blueprint: Blueprint, tmp_path: Path) -> None:
    pages = blueprint.get_pages(tmp_path / "build")
    served = set(pages.static) | set(pages.pages) | {"/wrap_crowd_source.js"}
    for path in set(pages.pages.values()):
        text = path.read_text("utf-8")
        for part in text.replace("'", '"').split('"'):
            if part.startswith("/") and not part.startswith("/>") and "." in part:
                assert part in served, f"{path.name} names {part}"
        assert "<script>" not in text


def test_what_a_worker_is_shown_holds_no_truth(blueprint: Blueprint) -> None:
    assert not {"truth", "label"} & set(first_inputs(blueprint))


def test_it_makes_answers_that_it_takes(blueprint: Blueprint) -> None:
    for item in islice(blueprint.iter_assignments(), 5):
        inputs = blueprint.initial_data(item.shared, item.unit_data[0])
        for draw in (0.0, 0.31, 0.62, 0.999):
            for accuracy in (0.0, 0.5, 1.0):
                answer = blueprint.simulate_answer(inputs, accuracy, draw)
                assert json.loads(json.dumps(answer)) == answer
                assert blueprint.check_submission(inputs, answer, ()) is None


def test_an_accurate_worker_answers_the_same_each_time(blueprint: Blueprint) -> None:
    inputs = first_inputs(blueprint)
    assert len({json.dumps(blueprint.simulate_answer(inputs, 1.0, draw)) for draw in (0.0, 0.4, 0.9)}) == 1
    assert blueprint.simulate_answer(inputs, 0.0, 0.5) != blueprint.simulate_answer(inputs, 1.0, 0.5)


def test_the_summary_is_that_of_the_description(blueprint: Blueprint) -> None:
    inputs = first_inputs(blueprint)
    answer = blueprint.simulate_answer(inputs, 1.0, 0.5)
    view = blueprint.describe_submission(inputs, answer, ())
    assert blueprint.summarize_submission(inputs, answer, ()) == (view.answer, view.labels)
    assert view.answer
    assert "\n" not in view.answer


def test_stored_parts_are_described_like_what_was_shown(blueprint: Blueprint) -> None:
    item = next(blueprint.iter_assignments())
    shown = first_inputs(blueprint)
    answer = blueprint.simulate_answer(shown, 1.0, 0.5)
    stored = {"shared": dict(item.shared), "unit_data": dict(item.unit_data[0])}
    one, other = (blueprint.describe_submission(inputs, answer, ()) for inputs in (shown, stored))
    assert (one.answer, one.image) == (other.answer, other.image)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(outputs=hostile_answers | hostile_boxes, files=hostile_files, inputs=st.none() | json_values)
def test_hostile_answers_are_judged_and_described_without_a_fault(
    kind: str, outputs: Any, files: list[dict[str, Any]], inputs: Any
) -> None:
    blueprint = make(kind)
    shown = first_inputs(blueprint)
    verdict = blueprint.check_submission(shown, outputs, files)
    assert verdict is None or (isinstance(verdict, str) and verdict.strip())
    for seen in (shown, inputs):
        view = blueprint.describe_submission(seen, outputs, files)
        assert isinstance(view, SubmissionView)
        assert isinstance(view.answer, str)
        assert len(view.answer) <= 4000
    if verdict is None:
        json.dumps(outputs, allow_nan=False).encode()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in TAKES_ANY_JSON])
@pytest.mark.parametrize("outputs", [None, [], "text", 7])
def test_an_answer_that_is_no_form_is_refused_in_words(kind: str, outputs: Any) -> None:
    blueprint = make(kind)
    verdict = blueprint.check_submission(first_inputs(blueprint), outputs, ())
    assert verdict is not None
    assert verdict.endswith((".", "?", "!"))


def test_an_unknown_blueprint_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match='Did you mean "static_html"'):
        registry.get("static_htlm")
