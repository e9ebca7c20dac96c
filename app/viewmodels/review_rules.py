"""What a reviewer typed as a rule, read and checked."""

from __future__ import annotations

from dataclasses import dataclass

from app.operations.desk.decision_rule import DecisionRule
from app.viewmodels.launch_form import span_seconds


@dataclass(frozen=True)
class RuleForm:
    """A rule as it was typed; empty texts ask for nothing. Agreement in percent, times as "10 s" or "1:30"."""

    answer: str = ""
    agreement_from: str = ""
    agreement_to: str = ""
    seconds_from: str = ""
    seconds_to: str = ""
    flagged: bool | None = None
    verdict: str = "approve"
    note: str = ""

    def rule(self) -> DecisionRule:
        """The rule that is meant. `ValueError` says what cannot be read."""
        made = DecisionRule(
            answer=self.answer.strip(),
            min_agreement=_share(self.agreement_from),
            max_agreement=_share(self.agreement_to),
            min_seconds=_seconds(self.seconds_from),
            max_seconds=_seconds(self.seconds_to),
            flagged=self.flagged,
        )
        if made == DecisionRule():
            raise ValueError("Say at least one thing that has to hold.")
        return made


def _share(text: str) -> float | None:
    """ "66 %" or "66" as 0.66; None for nothing."""
    typed = text.strip().removesuffix("%").strip().replace(",", ".")
    if not typed:
        return None
    try:
        value = float(typed)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise ValueError("Agreement is a percentage, 0 to 100.")
    return value / 100


def _seconds(text: str) -> float | None:
    """ "10 s", "2 min" or "1:30" as seconds; None for nothing."""
    typed = text.strip()
    if not typed:
        return None
    minutes, colon, rest = typed.partition(":")
    if colon and minutes.isdecimal() and rest.isdecimal() and int(rest) < 60:
        return float(int(minutes) * 60 + int(rest))
    seconds = span_seconds(typed)
    if seconds is None:
        raise ValueError("A time is written 10 s, 2 min or 1:30.")
    return float(seconds)
