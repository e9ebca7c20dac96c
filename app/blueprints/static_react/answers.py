"""What a bundle hands in: any JSON. Checked as hostile input, described for review, made up for rehearsals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.blueprints.row import json_fault
from app.blueprints.served_files import image_origin

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
MAX_NAMES = 5000
MAX_DEPTH = 40
_SHORT = 120
_LONG = 20_000
_LABEL = 40
_MOST_FIELDS = 200


@dataclass(frozen=True)
class DescribedAnswer:
    """An answer in words: one short line, what agreement compares, and (name, value) pairs in the bundle's order."""

    short: str
    labels: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]


def check_answer(outputs: Any) -> str | None:
    """None when an answer can be kept, else why not, for the worker. `outputs` is hostile."""
    if outputs is None:
        return "The page sent no answer. Please send it again."
    if _depth_is_over(outputs, MAX_DEPTH):
        return "The answer is nested too deeply to be kept."
    if sum(1 for _ in _parts(outputs, MAX_NAMES)) > MAX_NAMES:
        return f"The answer has more than {MAX_NAMES} parts."
    fault = json_fault(outputs)
    return f"The answer {fault}" if fault else None


def describe_answer(outputs: Any, files: Sequence[Mapping[str, Any]], field: str) -> DescribedAnswer:
    """An answer in words; takes rubbish too. `field`: the part that tables show and agreement compares; "": all."""
    pairs = []
    for name, value in _flat(outputs):
        pairs.append((name or "Answer", text_of(value)))
        if len(pairs) >= _MOST_FIELDS:
            pairs.append(("…", "There is more; the export has all of it."))
            break
    pairs += [(str(file.get("field") or "File"), _file_text(file)) for file in files if isinstance(file, Mapping)]
    if field:
        found = find_part(outputs, field)
        texts = [text_of(each) for each in (found if isinstance(found, list) else [found]) if each is not None]
        return DescribedAnswer(_cut(", ".join(texts)) or "no answer", tuple(texts), tuple(pairs))
    short = " · ".join(text for _, text in pairs if text.strip())
    return DescribedAnswer(_cut(short) or "nothing was filled in", _labels(outputs), tuple(pairs))


def find_part(value: Any, field: str) -> Any:
    """The part of an answer that a dotted name leads to, or None."""
    if isinstance(value, Mapping) and field in value:
        return value[field]
    for name in field.split("."):
        if isinstance(value, Mapping):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return None
    return value


def holds_truth(outputs: Any, truth: Mapping[str, Any]) -> bool:
    """Whether an answer has every part that is named, with just that value; `1` and `"1"` are the same."""
    for name, right in truth.items():
        given = find_part(outputs, name)
        if isinstance(right, bool) or isinstance(given, bool):
            if given is not right and text_of(given) != text_of(right):
                return False
        elif isinstance(right, str | int | float) and isinstance(given, str | int | float):
            if str(given).strip() != str(right).strip():
                return False
        elif given != right:
            return False
    return True


def find_picture(shown: Sequence[str], files: Mapping[str, Path], sites: Collection[str]) -> tuple[Path | None, str]:
    """The first picture that was shown: one of the task's files, or the address of one on a site of images."""
    for text in shown:
        if not text.lower().endswith(PICTURES):
            continue
        local = files.get("/" + text.removeprefix("./").removeprefix("/"))
        if local is not None:
            return local, ""
        if image_origin(text) in sites:
            return None, text
    return None, ""


def answer_from_truth(truth: Any, field: str) -> Any:
    """The answer that a worker who knows what is right hands in."""
    if isinstance(truth, Mapping):
        return dict(truth)
    made: Any = truth
    for name in reversed(field.split(".") if field else ["answer"]):
        made = {name: made}
    return made


def simulate_answer(
    shown: Mapping[str, Any], truth: Any, others: Sequence[Any], field: str, accuracy: float, draw: float
) -> Any:
    """What a simulated worker hands in. `others` are the truths of other rows: what somebody mistaken may say."""
    if truth is None:
        number = int.from_bytes(hashlib.sha256(_canonical(shown).encode()).digest()[:2], "big") % 100
        right: Any = f"answer {number}"
        return answer_from_truth(right if draw < accuracy else f"no idea, {int(draw * 1000)}", field)
    if draw < accuracy:
        return answer_from_truth(truth, field)
    wrong = [other for other in others if other != truth]
    if wrong:
        return answer_from_truth(wrong[int(draw * 1000) % len(wrong)], field)
    return answer_from_truth(f"not {text_of(truth)}", field)


def text_of(value: Any) -> str:
    """A value as a reviewer reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)[:_LONG]
    return _canonical(value)[:_LONG]


def _labels(outputs: Any) -> tuple[str, ...]:
    """Without a named field: every short plain value is what two workers may agree on."""
    if not isinstance(outputs, Mapping):
        return (text_of(outputs),) if _is_label(outputs) else ()
    found = [(str(name), text_of(value)) for name, value in list(outputs.items())[:_MOST_FIELDS] if _is_label(value)]
    return (found[0][1],) if len(outputs) == 1 and found else tuple(f"{name}: {text}" for name, text in found)


def _is_label(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value.strip()) <= _LABEL and "\n" not in value
    return isinstance(value, bool | int | float)


def _flat(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """(dotted name, plain value or list of plain values), in order."""
    if isinstance(value, Mapping) and value and depth < MAX_DEPTH:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key), depth + 1)
    elif isinstance(value, list) and any(isinstance(each, Mapping | list) for each in value) and depth < MAX_DEPTH:
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{name}.{place}" if name else str(place), depth + 1)
    elif isinstance(value, list):
        yield name, ", ".join(text_of(each) for each in value)
    elif value not in (None, {}):
        yield name, value


def _parts(value: Any, most: int) -> Iterator[Any]:
    """Every value inside of a value, at most a few more than `most`."""
    waiting = [value]
    given = 0
    while waiting and given <= most:
        each = waiting.pop()
        given += 1
        yield each
        inner = list(each.values()) if isinstance(each, Mapping) else each if isinstance(each, list) else []
        waiting.extend(inner[: most + 1])


def _depth_is_over(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, Mapping) else each if isinstance(each, list) else ())
            if isinstance(inner, Mapping | list)
        ]
        if not level:
            return False
        if len(level) > MAX_NAMES:
            return False  # too many parts: told of by that
    return True


def _canonical(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHORT else text[: _SHORT - 1] + "…"


def _file_text(file: Mapping[str, Any]) -> str:
    size = file.get("size")
    told = f" ({max(1, round(size / 1024))} KB)" if isinstance(size, int) else ""
    return f"{file.get('original_name') or file.get('filename') or 'a file'}{told}"
