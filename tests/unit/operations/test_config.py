"""Task files, forms and the text kept with a run all give the same checked configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.architects import registry as architects
from app.architects.base import Architect, ArchitectArgs
from app.args import arg
from app.blueprints import registry as blueprints
from app.blueprints.base import AssignmentData, Blueprint, BlueprintArgs, PageSet, SubmissionView
from app.errors import ConfigError
from app.operations.configuration.config import (
    RunConfig,
    draft_of_task_file,
    from_values,
    from_yaml,
    load_task_file,
    title_of,
    to_yaml,
)
from app.operations.configuration.requirements import check_requirements


@dataclass
class ProbeArgs(BlueprintArgs):
    _blueprint_type: str = arg("probe", help="The kind of task.")
    data_csv: str = arg("", help="A file.", required=True)
    labels: list[str] = arg(factory=list, help="Some words.")
    factor: float = arg(1.0, help="A number.", minimum=0, maximum=10)


class ProbeBlueprint(Blueprint):
    BLUEPRINT_TYPE: ClassVar[str] = "probe"
    TITLE: ClassVar[str] = "Probe"
    ArgsClass: ClassVar[type[BlueprintArgs]] = ProbeArgs

    @classmethod
    def assert_task_args(cls, args: BlueprintArgs, base_dir: Path) -> None:
        assert isinstance(args, ProbeArgs)
        if not (base_dir / args.data_csv).exists():
            raise ConfigError(f'There is no file "{args.data_csv}".', key="data_csv")

    def iter_assignments(self, start: int = 0) -> Iterator[AssignmentData]:
        return iter(())

    def count_assignments(self) -> int | None:
        return 0

    def get_pages(self, build_dir: Path) -> PageSet:
        return PageSet({})

    def describe_submission(self, inputs: Any, outputs: Any, files: Sequence[Mapping[str, Any]]) -> SubmissionView:
        return SubmissionView("")


@dataclass
class ProbePlaceArgs(ArchitectArgs):
    _architect_type: str = arg("probe_place", help="Where the pages are served from.")


class ProbePlace(Architect):
    ARCHITECT_TYPE: ClassVar[str] = "probe_place"
    ArgsClass: ClassVar[type[ArchitectArgs]] = ProbePlaceArgs


@pytest.fixture(autouse=True)
def _probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(blueprints.classes, "probe", ProbeBlueprint)
    monkeypatch.setitem(architects.classes, "probe_place", ProbePlace)


GOOD = """#@package _global_
defaults:
  - /mephisto/blueprint: probe
  - /mephisto/architect: probe_place
  - /mephisto/provider: inhouse
words: [cat, dog]
mephisto:
  blueprint:
    data_csv: ${task_dir}/data.csv
    labels: ${words}
  task:
    task_name: animals
    task_title: "Name the animal"
    task_description: "What is on the picture?"
    task_reward: 0.10
    task_tags: "image,animal"
    qualifications:
      - {qualification_name: trained, comparator: GreaterThan, applicable_value: 2}
"""


def write(folder: Path, text: str, name: str = "task.yaml") -> Path:
    (folder / "data.csv").write_text("a\n1\n")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_mephisto_file_loads(tmp_path: Path) -> None:
    config = load_task_file(write(tmp_path, GOOD))
    assert (config.blueprint_type, config.provider_type, config.architect_type) == ("probe", "inhouse", "probe_place")
    assert isinstance(config.blueprint, ProbeArgs)
    assert config.blueprint.labels == ["cat", "dog"]
    assert config.blueprint.data_csv == str(tmp_path / "data.csv")
    assert config.task.task_reward == Decimal("0.10")
    assert config.task.task_tags == ["image", "animal"]
    assert config.qualifications == [{"qualification_name": "trained", "comparator": ">", "applicable_value": 2}]


def test_overrides_are_laid_over_the_file(tmp_path: Path) -> None:
    overrides = [
        "mephisto.task.task_reward=0.20",
        "task.task_title='A = b'",
        "+blueprint.factor=2",
        "words=[x]",
    ]
    config = load_task_file(
        write(tmp_path, GOOD), [*overrides, "provider.requester_name=lab", "mephisto/provider=mock"]
    )
    assert str(config.task.task_reward) == "0.20"
    assert config.task.task_title == "A = b"
    assert isinstance(config.blueprint, ProbeArgs)
    assert (config.blueprint.factor, config.blueprint.labels) == (2.0, ["x"])
    assert (config.provider_type, config.provider.requester_name) == ("mock", "lab")


def test_a_draft_says_what_a_wrong_file_says(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(
        "name: cats\nmephisto:\n  task: {task_name: '${name}', task_reward: lots, task_titel: x, task_title: '???'}\n"
        "  blueprint: {_blueprint_type: nothing, labels: one}\n  architect: 5\n"
    )
    with pytest.raises(ConfigError):
        load_task_file(path)
    draft, base_dir = draft_of_task_file(path, ["task.budget=none"])
    assert base_dir == tmp_path
    assert draft == {
        "task": {"task_name": "cats", "task_reward": "lots", "task_titel": "x", "budget": "none"},
        "blueprint": {"labels": "one"},
        "provider": {"_provider_type": "inhouse"},
        "architect": {"_architect_type": "local"},
    }


@pytest.mark.parametrize("text", ["task: {task_name: x}", "mephisto: {task: {task_name: '${none}'}}", "mephisto: ["])
def test_there_is_no_draft_of_what_cannot_be_read_at_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "task.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        draft_of_task_file(path)


def test_defaults_bring_files_of_the_folder_and_the_file_itself_comes_last(tmp_path: Path) -> None:
    write(tmp_path, "factor: 3\nlabels: [a]\n", "mephisto/blueprint/shared.yaml")
    write(tmp_path, "#@package _global_\nmephisto: {task: {task_title: from base, budget: 5}}\n", "base.yaml")
    text = GOOD.replace("defaults:\n", "defaults:\n  - base\n  - /mephisto/blueprint: shared\n")
    config = load_task_file(write(tmp_path, text))
    assert isinstance(config.blueprint, ProbeArgs)
    assert (config.blueprint.factor, config.blueprint.labels) == (3.0, ["cat", "dog"])
    assert (config.task.task_title, config.budget) == ("Name the animal", Decimal(5))


def test_a_hydra_configs_folder_is_below_the_folder_of_the_task(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, "hydra_configs/conf/animals.yaml")
    assert load_task_file(path).base_dir == tmp_path


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "words"),
    [
        ("task_reward:", "task_rewrad:", 15, "mephisto.task.task_rewrad", "task_reward"),
        ("task_reward: 0.10", "task_reward: much", 15, "mephisto.task.task_reward", "an amount"),
        ("task_reward: 0.10", "task_reward: -1", 15, "mephisto.task.task_reward", "at least 0"),
        ("task_reward: 0.10", "task_reward: 0.0000001", 15, "mephisto.task.task_reward", "decimals"),
        ("  task:\n", "  tsak:\n", 11, "mephisto.tsak", '"task"'),
        ("mephisto:\n", "mephsito:\n", 7, "mephsito", '"mephisto"'),
        ("defaults:", "default:", 2, "default", '"defaults"'),
        ("provider: inhouse", "provider: inhous", 5, "mephisto.provider._provider_type", '"inhouse"'),
        ("${task_dir}/data.csv", "none.csv", 9, "mephisto.blueprint.data_csv", "no file"),
        ("    data_csv: ${task_dir}/data.csv\n", "", 8, "mephisto.blueprint.data_csv", "required"),
        ("${words}", "${wrods}", 10, "mephisto.blueprint.labels", "names no key"),
        ("0.10", "${oc.env:SECRET}", 15, "mephisto.task.task_reward", "environment"),
        ("GreaterThan", "Bigger", 17, "mephisto.task.qualifications", "Bigger"),
        ("Name the animal", "", 13, "mephisto.task.task_title", "required"),
        ("  task:\n", "  task: 5\n  x:\n", 11, "mephisto.task", "keys and values"),
        ("- /mephisto/blueprint: probe", "- ../../etc/passwd", 3, "defaults[0]", "outside"),
        ("- /mephisto/blueprint: probe", "- nothing", 3, "defaults[0]", "no file"),
        ("- /mephisto/blueprint: probe", "- task", 0, "", "leads back"),
    ],
)
def test_a_wrong_key_names_file_line_key_and_the_nearest(
    tmp_path: Path, old: str, new: str, line: int, key: str, words: str
) -> None:
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_task_file(path)
    assert words in str(caught.value)
    assert Path(caught.value.file).name == "task.yaml"
    assert (caught.value.line, caught.value.key) == (line, key)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("task.task_rewrad=1", "task_reward"),
        ("task.task_reward=1,2", "several values"),
        ("task.task_title", "not an override"),
        ("~task.nothing", "no such key"),
        ("mephisto/bluprint=x", "mephisto/blueprint"),
        ("mephisto/blueprint=prob", '"probe"'),
        ("task.task_title=${oc.env:HOME}", "environment"),
    ],
)
def test_a_wrong_override_names_the_command_line(tmp_path: Path, override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_task_file(write(tmp_path, GOOD), [override])
    assert words in str(caught.value)
    assert caught.value.file == "command line"


def test_the_environment_never_comes_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    for text in ("${oc.env:SECRET}", "${oc.decode:${oc.env:SECRET}}", "x${ oc.env : SECRET }"):
        with pytest.raises(ConfigError) as caught:
            load_task_file(write(tmp_path, GOOD.replace("Name the animal", text)))
        assert "hunter2" not in str(caught.value)


def test_a_section_outside_mephisto_is_pointed_at(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.yaml:1: task: belongs below"):
        load_task_file(write(tmp_path, "task: {task_name: x}\n"))
    with pytest.raises(ConfigError, match='"mephisto:"'):
        load_task_file(write(tmp_path, "other: 1\n"))


FORM: dict[str, Any] = {
    "task": {"task_name": "n", "task_title": "t", "task_description": "d"},
    "blueprint": {"_blueprint_type": "probe", "data_csv": "data.csv"},
    "architect": {"_architect_type": "probe_place"},
}


def test_a_form_gives_a_configuration_or_every_problem(tmp_path: Path) -> None:
    write(tmp_path, "")
    config, problems = from_values({**FORM, "task.task_reward": "1.50"}, tmp_path)
    assert problems == []
    assert config is not None
    assert config.task.task_reward == Decimal("1.50")
    config, problems = from_values({**FORM, "task.task_reward": "x", "blueprint.factor": "11", "tusk": {}}, tmp_path)
    assert config is None
    assert {problem.name for problem in problems} == {"task.task_reward", "blueprint.factor", "tusk"}
    config, problems = from_values({**FORM, "blueprint.data_csv": "none.csv"}, tmp_path)
    assert [problem.name for problem in problems] == ["blueprint.data_csv"]
    assert config is None
    config, problems = from_values({**FORM, "blueprint": {}}, tmp_path)
    assert [problem.name for problem in problems] == ["blueprint._blueprint_type"]


_texts = st.text(max_size=30)


@given(
    title=_texts.filter(lambda text: text.strip() != ""),
    description=_texts.filter(lambda text: text != ""),
    labels=st.lists(_texts, max_size=4),
    reward=st.decimals(0, 1000, places=4, allow_nan=False),
    budget=st.none() | st.decimals(0, 1000, places=2),
    factor=st.floats(0, 10),
    folder=st.sampled_from(["/", "/a b", "/a${b}", "/ü/\\"]),
)
def test_the_text_kept_with_a_run_is_the_same_configuration(
    title: str, description: str, labels: list[str], reward: Decimal, budget: Decimal | None, factor: float, folder: str
) -> None:
    values = {
        "task": {"task_name": "n", "task_title": title, "task_description": description, "task_reward": reward},
        "task.budget": budget,
        "task.qualifications": [{"qualification_name": title, "comparator": "In", "applicable_value": [1, 2]}],
        "blueprint": {"_blueprint_type": "probe", "data_csv": "/", "labels": labels, "factor": factor},
        "architect": FORM["architect"],
    }
    config, problems = from_values(values, Path(folder))
    if config is None:
        assert {problem.name for problem in problems} <= {"task.task_title", "task.qualifications"}
        return
    assert from_yaml(to_yaml(config)) == config


def test_what_was_saved_loads_from_another_folder(tmp_path: Path) -> None:
    config = load_task_file(write(tmp_path, GOOD))
    saved = tmp_path / "elsewhere" / "saved.yaml"
    saved.parent.mkdir()
    saved.write_text(to_yaml(config))
    assert load_task_file(saved) == config
    (tmp_path / "data.csv").unlink()
    assert isinstance(from_yaml(to_yaml(config)), RunConfig)
    with pytest.raises(ConfigError):
        load_task_file(saved)


@pytest.mark.parametrize(
    "item",
    [5, {}, {"qualification_name": "q", "comparator": ">"}, {"qualification_name": "q", "comparator": "In"},
     {"qualification_name": "q", "value": 1}, {"qualification_name": "q", "comparator": "==", "applicable_value": 1.5}],
)  # fmt: skip
def test_a_requirement_that_cannot_be_is_a_problem(item: Any) -> None:
    made, problems = check_requirements([{"qualification_name": "ok", "comparator": "Exists"}, item])
    assert made == [{"qualification_name": "ok", "comparator": "Exists", "applicable_value": None}]
    assert len(problems) == 1
    assert "number 2" in problems[0].message


def test_the_title_is_read_without_checking_the_rest() -> None:
    config = load_task_file(Path(__file__).parents[3] / "resources" / "samples" / "label_shapes.yaml")
    assert title_of(to_yaml(config)) == config.task.task_title
    assert title_of("mephisto: {}") == title_of("[") == title_of("just words") == ""


def test_a_key_of_mephistos_that_says_nothing_here_is_no_fault(tmp_path: Path) -> None:
    task = {"task_name": "n", "task_title": "t", "task_description": "d", "force_rebuild": True}
    config, problems = from_values({"task": task, "blueprint": {"_blueprint_type": "mock"}}, tmp_path)
    assert problems == []
    assert config is not None
    assert "force_rebuild" not in to_yaml(config)
