"""The blueprint of forms: its files, those of Form Composer too, its rows, its pages."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from app.args import check
from app.blueprints.base import SimulatesFiles
from app.blueprints.form.blueprint import FormArgs, FormBlueprint
from app.errors import ConfigError


def a_form(*fields: dict[str, Any], **form: Any) -> dict[str, Any]:
    """A form as Form Composer writes it, with everything that it writes."""
    rows = [
        {"fields": [{"help": "", "id": f"id_{field['name']}", "tooltip": "", "value": "", **field}], "help": "Row"}
        for field in fields
    ]
    section = {
        "name": "section_one",
        "title": "One",
        "instruction": "insertions/one.html",
        "collapsable": True,
        "initially_collapsed": False,
        "classes": "centered",
        "triggers": {"onClick": ["onClickSection", True]},
        "fieldsets": [{"title": "Set", "instruction": "", "rows": rows, "help": "Set help"}],
    }
    return {
        "form": {
            "title": "Form example",
            "instruction": "Please answer <b>all</b> questions.",
            "sections": [section],
            "submit_button": {
                "instruction": "<i>Sure?</i>",
                "text": "Hand in",
                "tooltip": "Submit form",
                "id": "id_go",
            },
            **form,
        }
    }


NAME = {
    "name": "first",
    "type": "input",
    "label": "First name",
    "placeholder": "Type",
    "validators": {"required": True},
}
MAIL = {
    "name": "email", "type": "email", "label": "Email for {{company_name}}", "classes": "hidden",
    "triggers": {"onChange": "onChangeEmail"},
    "validators": {"required": True, "regexp": ["^[a-zA-Z0-9._-]+@work\\.ai$", "ig"]},
}  # fmt: skip
SKILLS = {
    "name": "skills", "type": "checkbox", "label": "Skills",
    "options": [{"checked": True, "label": "SQL", "value": "sql"}, {"checked": False, "label": "C", "value": "c"}],
    "validators": {"required": True, "minLength": 1, "maxLength": 2},
}  # fmt: skip
LANGUAGE = {
    "name": "language", "type": "select", "label": "Language", "multiple": True,
    "options": [{"label": "English", "value": "en"}, {"label": "French", "value": "fr"}],
    "validators": {"required": True, "minLength": 2},
}  # fmt: skip
PHOTO = {
    "name": "avatar", "type": "file", "label": "Picture", "placeholder": "Select a file", "show_preview": True,
    "validators": {"required": True, "fileExtension": ["jpg", "png"]},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "insertions").mkdir()
    (tmp_path / "insertions/one.html").write_text("<p>About <b>you</b></p><script>bad()</script>", "utf-8")
    return tmp_path


def write(path: Path, value: Any) -> str:
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return path.name


def made(folder: Path, **values: Any) -> FormBlueprint:
    args, problems = check(FormArgs, values)
    assert args is not None, problems
    FormBlueprint.assert_task_args(args, folder)
    return FormBlueprint(args, folder)


def labels(task: FormBlueprint) -> list[str]:
    shown = [task.initial_data(item.shared, {})["form"] for item in task.iter_assignments()]
    return [form["sections"][0]["fieldsets"][0]["rows"][-1]["fields"][0]["label"] for form in shown]


def test_a_task_data_file_of_form_composer_is_read_as_it_is(folder: Path) -> None:
    versions = [a_form(NAME, SKILLS), a_form(NAME, LANGUAGE, PHOTO)]
    task = made(folder, form_file=write(folder / "task_data.json", versions), units_per_assignment=2)
    assert task.count_assignments() == 2
    assert labels(task) == ["Skills", "Picture"]
    first = next(task.iter_assignments())
    assert len(first.unit_data) == 2
    shown = task.initial_data(first.shared, {})
    assert shown["form"]["sections"][0]["instruction"] == "<p>About <b>you</b></p>"
    assert shown["form"]["submit_button"]["text"] == "Hand in"
    assert task.check_submission(shown, {"first": "Ada", "skills": {"sql": True, "c": False}}, ()) is None
    assert "Skills: Please answer" in str(task.check_submission(shown, {"first": "Ada", "skills": {"sql": False}}, ()))


def test_the_token_sets_beside_a_form_config_fill_it(folder: Path) -> None:
    form = write(folder / "form_config.json", a_form(NAME, MAIL))
    sets = [{"tokens_values": {"company_name": name, "since_age": 18}} for name in ("Work", "Leisure")]
    write(folder / "token_sets_values_config.json", sets)
    task = made(folder, form_file=form)
    assert labels(task) == ["Email for Work", "Email for Leisure"]
    assert task.data_preview(5) == (["company_name", "since_age"], [["Work", "18"], ["Leisure", "18"]])


def test_separate_token_values_make_every_combination(folder: Path) -> None:
    form = write(folder / "form_config.json", a_form(NAME, {**MAIL, "label": "{{size}} {{animal}} {{html}}"}))
    write(folder / "insertions/more.html", "<b>more</b>")
    values = {"size": ["big", "small"], "animal": ["cat", "dog"], "html": ["insertions/more.html"]}
    tokens = write(folder / "separate_token_values_config.json", values)
    wanted = ["big cat <b>more</b>", "big dog <b>more</b>", "small cat <b>more</b>", "small dog <b>more</b>"]
    assert labels(made(folder, form_file=form)) == wanted
    assert labels(made(folder, form_file=form, token_file=tokens)) == wanted


def test_a_csv_fills_the_tokens_and_rows_that_do_not_are_left_out(folder: Path) -> None:
    form = write(folder / "form.json", a_form({**NAME, "type": "radio", "label": "{{q}}", "options": [
        {"value": "{{a}}", "label": "{{a}}"}, {"value": "other", "label": "Other"}]}))  # fmt: skip
    data = write(folder / "d.csv", "q,a,truth\nOne?,yes,yes\nTwo?,other,other\n,no,no\n")
    task = made(folder, form_file=form, data_csv=data)
    assert labels(task) == ["One?"]
    assert [(error.line, error.message) for error in task.row_errors()] == [
        (3, "makes a form that cannot be shown: form.json: form.sections[0].fieldsets[0].rows[0].fields[0].options[1]"
            '.value: "other" is the value of two options.'),
        (4, "makes a form that cannot be shown: form.json: form.sections[0].fieldsets[0].rows[0].fields[0].label: "
            "is required."),
    ]  # fmt: skip
    shown = task.initial_data(next(task.iter_assignments()).shared, {})
    assert "truth" not in shown


def test_a_row_may_bring_a_form_of_its_own(folder: Path) -> None:
    task = made(folder, form_file=write(folder / "f.json", a_form(NAME)))
    shown = task.initial_data({}, a_form({**SKILLS, "label": "About {{who}}"}) | {"who": "Ada"})
    assert [field["label"] for field in shown["form"]["sections"][0]["fieldsets"][0]["rows"][0]["fields"]] == [
        "About Ada"
    ]
    assert "please answer" in str(task.check_submission(shown, {}, ())).lower()
    assert task.check_submission(shown, {"skills": {"sql": True, "c": False}}, ()) is None
    raw = {"shared": {}, "unit_data": a_form(SKILLS)}
    assert task.check_submission(raw, {"skills": {"sql": True, "c": False}}, ()) is None


def test_a_rehearsal_follows_the_truth(folder: Path) -> None:
    form = write(folder / "form.json", a_form(SKILLS, {**NAME, "label": "{{q}}"}))
    rows = [{"q": "One?", "truth": {"skills": ["c"], "first": "Ada"}}]
    task = made(folder, form_file=form, static_task_data=rows)
    row = next(task.iter_assignments()).shared
    right = task.simulate_answer({"shared": row, "unit_data": {}}, 1.0, 0.5)
    assert right == {"skills": {"sql": False, "c": True}, "first": "Ada"}
    assert task.simulate_answer({"shared": row, "unit_data": {}}, 0.0, 0.5)["skills"] != right["skills"]


def test_simulated_workers_send_the_files_that_are_required(folder: Path) -> None:
    task = made(folder, form_file=write(folder / "f.json", a_form(NAME, PHOTO)))
    assert isinstance(task, SimulatesFiles)
    shown = task.initial_data(next(task.iter_assignments()).shared, {})
    answer = task.simulate_answer(shown, 1.0, 0.5)
    files = task.simulate_files(shown, answer)
    assert [(field, name) for field, name, _ in files] == [("avatar", "rehearsed-1.jpg")]
    assert "choose a file" in str(task.check_submission(shown, answer, ()))
    sent = [{"field": field, "original_name": name} for field, name, _ in files]
    assert task.check_submission(shown, answer, sent) is None


def test_own_rules_come_from_the_script_beside_the_form(folder: Path, tmp_path: Path) -> None:
    form = a_form({**NAME, "validators": {"required": True, "hasWord": "Ada"}})
    name = write(folder / "f.json", form)
    with pytest.raises(ConfigError, match='There is no "hasWord" here'):
        made(folder, form_file=name)
    write(folder / "insertions/custom_validators.js", "export function hasWord() { return null; }")
    task = made(folder, form_file=name)
    pages = task.get_pages(tmp_path / "build")
    assert pages.task_config["custom_rules"] == "/insertions/custom_validators.js"
    assert pages.static["/insertions/custom_validators.js"].is_file()
    shown = task.initial_data(next(task.iter_assignments()).shared, {})
    assert task.check_submission(shown, {"first": "Bob"}, ()) is None


def test_the_sites_of_pictures_are_named(folder: Path, tmp_path: Path) -> None:
    form = write(folder / "f.json", a_form(NAME, instruction='<img src="{{url}}"><img src="https://b.org/x.png">'))
    sound = 'local.png"><audio src="https://s.org/a.mp3'
    rows = [{"url": "https://a.org/1.png"}, {"url": "http://c.org/2.png"}, {"url": sound}]
    pages = made(folder, form_file=form, static_task_data=rows).get_pages(tmp_path / "b")
    assert pages.image_sources == ("http://c.org", "https://a.org", "https://b.org")
    assert pages.media_sources == ("https://s.org",)


def test_an_onboarding_is_a_form_with_right_answers(folder: Path) -> None:
    task_form = write(folder / "f.json", a_form(NAME))
    onboarding = write(folder / "o.json", a_form({**SKILLS, "correct": ["c"]}, {**NAME, "correct": "Ada"}))
    task = made(folder, form_file=task_form, onboarding_form=onboarding, onboarding_qualification="knows")
    assert "correct" not in json.dumps(task.onboarding_data())
    right = {"skills": {"sql": False, "c": True}, "first": "ada"}
    assert task.check_onboarding(task.onboarding_data(), right)
    assert task.check_onboarding({}, task.simulate_onboarding({}))
    others: list[Any] = [{}, {**right, "first": "Bob"}, {**right, "skills": {"sql": True, "c": True}}, None, [], "x"]
    for wrong in others:
        assert not task.check_onboarding({}, wrong)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"form_file": "nowhere.json"}, "There is no file"),
        ({"form_file": "bad.json"}, "bad.json:3: The file is not JSON"),
        ({"form_file": "list.json"}, "holds an empty list"),
        ({"form_file": "out.json"}, "leads out of the folder insertions"),
        ({"form_file": "gone.json"}, "There is no file"),
        ({"form_file": "tokens.json"}, "has tokens, {{company_name}} for one"),
        ({"form_file": "tokens.json", "data_csv": "d.csv"}, "{{company_name}} has no column in the data; there are a"),
        ({"form_file": "two.json", "data_csv": "d.csv"}, "is its own data"),
        ({"form_file": "good.json", "token_file": "wrong.json"}, '"a" must be a list of values'),
        ({"form_file": "good.json", "token_file": "sets.json"}, '[0] must be an object with "tokens_values"'),
        ({"form_file": "good.json", "token_file": "sets.json", "data_csv": "d.csv"}, "not both"),
        ({"form_file": "good.json", "onboarding_qualification": "q"}, "The onboarding has no form"),
        ({"form_file": "good.json", "onboarding_form": "tokens.json"}, "cannot be filled in here"),
        ({"form_file": "good.json", "onboarding_form": "photo.json"}, "takes no files"),
        ({"form_file": "good.json", "extra_source_dir": "nowhere"}, "There is no folder"),
        ({"form_file": "deep.json"}, "nested"),
    ],
)
def test_files_that_do_not_go_together_are_told(folder: Path, values: dict[str, Any], said: str) -> None:
    write(folder / "bad.json", '{\n  "form": \n')
    write(folder / "list.json", [])
    write(folder / "out.json", a_form(NAME, instruction="insertions/../../secret.html"))
    write(folder / "gone.json", a_form(NAME, instruction="insertions/gone.html"))
    write(folder / "tokens.json", a_form(MAIL))
    write(folder / "two.json", [a_form(NAME), a_form(NAME)])
    write(folder / "good.json", a_form(NAME))
    write(folder / "photo.json", a_form(PHOTO))
    write(folder / "wrong.json", {"a": "b"})
    write(folder / "sets.json", [{"a": "b"}])
    write(folder / "d.csv", "a\n1\n")
    write(folder / "deep.json", "[" * 100 + "]" * 100)
    with pytest.raises(ConfigError) as told:
        made(folder, **values)
    assert said in str(told.value)
    assert told.value.key.startswith("blueprint.")


def test_no_row_that_fills_the_form_is_told(folder: Path) -> None:
    form = write(folder / "f.json", a_form({**NAME, "label": "{{q}}"}))
    with pytest.raises(ConfigError, match=r"No row of the data fills the form\. The first that was left out: line 1"):
        made(folder, form_file=form, static_task_data=[{"p": 1}])


def test_many_rows_of_words_are_looked_at_quickly(folder: Path) -> None:
    form = write(folder / "f.json", a_form({**NAME, "label": "{{q}}"}, instruction="About {{topic}}"))
    lines = "".join(f"question {number},topic\n" for number in range(10_000))
    data = write(folder / "d.csv", "q,topic\n" + lines + ",empty label\n")
    task = made(folder, form_file=form, data_csv=data)
    started = time.perf_counter()
    assert task.count_assignments() == 10_000
    assert time.perf_counter() - started < 5
    assert [error.line for error in task.row_errors()] == [10_002]


def test_many_rows_that_may_spoil_the_form_are_counted_behind(folder: Path) -> None:
    options = [{"value": "{{a}}", "label": "A"}, {"value": "b", "label": "B"}]
    form = write(folder / "f.json", a_form({"name": "x", "type": "radio", "label": "Q", "options": options}))
    data = write(folder / "d.csv", "a\n" + "v\n" * 400)
    task = made(folder, form_file=form, data_csv=data)
    assert task.count_assignments() is None
    assert sum(1 for _ in task.iter_assignments()) == 400
