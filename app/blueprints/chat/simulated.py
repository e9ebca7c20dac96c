"""Conversations without people: simulated workers for rehearsals, and who answers in a preview."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from app.blueprints.chat.messages import FormQuestion

OPENINGS = ("Hello! Shall we begin?", "Hi. What do you think?", "Good day. I have read it.", "Hello there.")
REPLIES = (
    "That makes sense to me.",
    "I see it another way: can you say more?",
    "Yes, and I would add something to it.",
    "I am not sure about that.",
    "Good, let us agree on that.",
)
MOST_WORDS = 6
"""Messages that a simulated worker writes before it wants to end."""


class ChatPartner:
    """A simulated worker in a conversation. `hear` takes what the page is told, and returns what it says to that."""

    def __init__(self, inputs: Mapping[str, Any], draw: float) -> None:
        given = inputs.get("task_data")
        data = given if isinstance(given, Mapping) else {}
        talk = data.get("talk")
        self._talk = talk if isinstance(talk, Mapping) else {}
        self._seat = data.get("seat")
        self._draw = int(draw * 1000)
        self._said = 0
        self._wants_to_end = False
        self.is_over = False
        """The page was told that it can hand in."""

    def hear(self, update: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What the worker says when their page hears this; nothing, often."""
        given = update.get("task_data")
        data = given if isinstance(given, Mapping) else {}
        if data.get("task_done") is True:
            self.is_over = True
            return []
        form = data.get("respond_with_form")
        if isinstance(form, list):
            return [self._answered(form)]
        if data.get("wants_to_end") is True and not self._wants_to_end and self._may_end():
            return [self._end()]
        asked = data.get("live_update_requested")
        begins = "agent_display_name" in data
        if asked is not True or (begins and not self._talk.get("turns") and self._seat):
            return []
        if self._said >= MOST_WORDS and self._may_end():
            if not self._talk.get("turns"):
                return [] if self._wants_to_end else [self._end()]
            return [self._end(), self._line()]
        return [self._line()]

    def _may_end(self) -> bool:
        return bool(self._talk.get("by_agreement")) and self._said >= int(self._talk.get("min_messages") or 0)

    def _end(self) -> dict[str, Any]:
        self._wants_to_end = True
        return {"text": "", "task_data": {"wants_to_end": True}, "update_id": secrets.token_hex(8)}

    def _line(self) -> dict[str, Any]:
        lines = OPENINGS if self._said == 0 else REPLIES
        text = lines[(self._draw + self._said) % len(lines)]
        self._said += 1
        self._wants_to_end = False
        return {"text": text, "task_data": {}, "update_id": secrets.token_hex(8)}

    def _answered(self, form: Sequence[Any]) -> dict[str, Any]:
        answers = []
        for entry in form:
            if isinstance(entry, Mapping):
                choices = entry.get("choices")
                response = choices[self._draw % len(choices)] if isinstance(choices, list) and choices else "Fine."
                answers.append({"question": entry.get("question", ""), "response": response})
        data = {"form_responses": answers}
        return {"text": "My answers.", "task_data": data, "update_id": secrets.token_hex(8)}


def simulated_answer(questions: Sequence[FormQuestion], accuracy: float, draw: float) -> dict[str, Any]:
    """What a simulated worker hands in; an accurate one always the same."""
    right = draw < accuracy
    answers = []
    for question in questions:
        place = 0 if right else int(draw * 1000) % len(question.choices) if question.choices else 0
        response = question.choices[place] if question.choices else ("Well." if right else "Not well.")
        answers.append({"question": question.question, "response": response})
    comment = "It went well." if right else f"It was hard to agree, {int(draw * 1000)}."
    return {"comment": comment, "answers": answers}


def preview_words(inputs: Mapping[str, Any], update: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """What a page hears in a preview: at its beginning (None), and to what it says. Nobody else is there."""
    given = inputs.get("task_data")
    data = given if isinstance(given, Mapping) else {}
    own = data.get("seat")
    seats = data.get("seats") if isinstance(data.get("seats"), list) else []
    other = next((seat["name"] for place, seat in enumerate(seats or []) if place != own), "Partner")
    if update is None:
        return [{"task_data": {"live_update_requested": True}, "update_id": "preview-begin"}]
    said = update.get("task_data")
    if isinstance(said, Mapping) and said.get("wants_to_end") is True:
        return [{"task_data": {"task_done": True}, "update_id": "preview-over"}]
    if not update.get("text"):
        return []
    return [
        {
            "text": "This is a preview: nobody reads this. In a run, somebody answers here.",
            "id": other,
            "update_id": secrets.token_hex(8),
            "task_data": {"live_update_requested": True},
        }
    ]
