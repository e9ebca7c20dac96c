"""Rules as a reviewer types them."""

from __future__ import annotations

import pytest

from app.viewmodels.review_rules import RuleForm


def test_a_rule_is_read_as_people_write_it() -> None:
    rule = RuleForm(answer=" Cat ", agreement_from="66 %", agreement_to="99,5", seconds_from="10 s", seconds_to="1:30")
    made = rule.rule()
    assert made.answer == "Cat"
    assert made.min_agreement == pytest.approx(0.66)
    assert made.max_agreement == pytest.approx(0.995)
    assert (made.min_seconds, made.max_seconds) == (10.0, 90.0)


@pytest.mark.parametrize(
    "form",
    [
        RuleForm(),
        RuleForm(note="only a note"),
        RuleForm(agreement_from="many"),
        RuleForm(agreement_to="101"),
        RuleForm(seconds_from="soon"),
        RuleForm(seconds_to="1:75"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(form: RuleForm) -> None:
    with pytest.raises(ValueError, match=r"^[A-Z].*\.$"):
        form.rule()
