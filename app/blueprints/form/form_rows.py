"""The work of a task of forms: which forms there are, which rows fill them, and the form filled with one row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from app.blueprints.base import RowError
from app.blueprints.form.faults import FormError
from app.blueprints.form.form_files import TokenRows, load_forms, put_in, scripts_of, token_file_beside
from app.blueprints.form.model import Form
from app.blueprints.form.parse import parse_form
from app.blueprints.form.tokens import PlainTokens, TokenFault, fill_form, tokens_of
from app.blueprints.row import Row, make_row
from app.blueprints.rows import RowArgs, RowSource
from app.errors import ConfigError

FORM_KEY = "form_number"
"""In the row of a list of several forms: which one it is."""
_COUNTED_QUICKLY, _COUNTED_SLOWLY = 20_000, 300
_SOURCES = ("data_csv", "data_json", "data_jsonl", "static_task_data", "data_function")


class FormRows:
    """Read once from the files; reading the rows again gives the same rows in the same order."""

    def __init__(self, args: RowArgs, base_dir: Path) -> None:
        given = str(getattr(args, "form_file", ""))
        if not given:
            raise ConfigError("is required: the file of the form.", key="blueprint.form_file")
        self.path = (base_dir / Path(given).expanduser()).resolve()
        self.forms = load_forms(self.path, "blueprint.form_file")
        self._custom_rules = bool(scripts_of(self.path))
        self._plain = PlainTokens(self.forms[0]) if len(self.forms) == 1 else None
        self._is_right = False
        self._left_out: dict[int, RowError] = {}
        self._source = RowSource(args, base_dir) if any(getattr(args, name) for name in _SOURCES) else None
        self._tokens = self._token_rows(str(getattr(args, "token_file", "")), base_dir)

    @property
    def errors(self) -> Sequence[RowError]:
        """The rows that are left out, and why, as far as they were read."""
        if self._source is not None:
            return self._source.errors
        return [self._left_out[number] for number in sorted(self._left_out)][:1000]

    def check(self) -> None:
        """Raise `ConfigError` when forms and data do not go together. Quick: reads the beginning only."""
        has_data = self._source is not None or self._tokens is not None
        if len(self.forms) > 1 and has_data:
            raise ConfigError("A file of several forms is its own data; give no other data.", key="blueprint.form_file")
        if self._source is not None:
            self._source.check()
            header = self._source.header()
            for name in tokens_of(self.forms[0]) if header is not None else ():
                if name not in (header or ()) and not name.startswith("getPresignedUrl"):
                    raise ConfigError(
                        f"{{{{{name}}}}} has no column in the data; there are {', '.join(header or ())}.",
                        key="blueprint.form_file",
                        file=self.path.name,
                    )
        missing = tokens_of(self.forms[0]) if len(self.forms) == 1 and not has_data else []
        if missing:
            raise ConfigError(
                f"The form has tokens, {{{{{missing[0]}}}}} for one, and the task has no data to fill them.",
                key="blueprint.data_csv",
            )

    def usable(self) -> Iterator[dict[str, Any]]:
        """Every row that fills its form, lazily."""
        for row in self._read():
            try:
                self._look_at(row.values)
            except (TokenFault, FormError) as fault:
                self._leave_out(RowError(row.source, row.line, _sentence(fault)))
            else:
                yield row.values

    def _look_at(self, row: Mapping[str, Any]) -> None:
        """Raise what `fill` would; the form itself is made only where rows can spoil it."""
        if self._plain is None or "form" in row or not self._is_right or not self._plain.are_filled_by(row):
            self.fill(row)
            self._is_right = True

    def count(self) -> int | None:
        """How many usable rows there are, when that takes no long reading; else None."""
        rows = self._source.count() if self._source is not None else len(self._tokens or self.forms)
        is_quick = self._plain is not None and self._plain.is_possible
        if rows is None or rows > (_COUNTED_QUICKLY if is_quick else _COUNTED_SLOWLY):
            return None
        return sum(1 for _ in self.usable())

    def fill(self, row: Mapping[str, Any]) -> Form:
        """The form filled with a row. `TokenFault` or `FormError` when the row does not fit.

        A row may bring a form of its own, as Form Composer's rows for screening and gold do.
        """
        own = row.get("form")
        if isinstance(own, Mapping):
            return self.parse(fill_form({"form": put_in(own, self.path.parent, "blueprint.form_file")}, row))
        number = row.get(FORM_KEY)
        several = len(self.forms) > 1
        place = number - 1 if several and isinstance(number, int) and 0 < number <= len(self.forms) else 0
        return self.parse(fill_form(self.forms[place], row))

    def parse(self, form: Any, *, template: bool = False) -> Form:
        """A form of the file, read; `FormError` names the file."""
        return parse_form(
            form,
            custom_rules=self._custom_rules,
            template=template,
            key="blueprint.form_file",
            file=self.path.name,
        )

    def may_hold_media(self) -> bool:
        """Whether pictures, sounds or films may differ from row to row."""
        if len(self.forms) > 1:
            return True
        if not tokens_of(self.forms[0]):
            return False
        marks = ("<img", "<audio", "<video", "<source")
        texts = (text.lower() for text in chain([json.dumps(self.forms[0])], (str(row.values) for row in self._read())))
        return any(mark in text for text in texts for mark in marks)

    def preview(self, limit: int) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Column names and the first rows, as texts."""
        rows = [row.values for row in islice(self._read(), limit)]
        columns = list(dict.fromkeys(name for values in rows for name in values))
        return columns, [[str(values.get(name, "")) for name in columns] for values in rows]

    def _read(self) -> Iterator[Row]:
        if self._source is not None:
            yield from self._source.read()
        elif self._tokens is not None:
            for number, values in enumerate(self._tokens, 1):
                found = make_row(self._tokens.path.name, number, values or {FORM_KEY: 1})
                if isinstance(found, RowError):
                    self._leave_out(found)
                else:
                    yield found
        else:
            for number in range(1, len(self.forms) + 1):
                yield Row(self.path.name, number, {FORM_KEY: number})

    def _leave_out(self, error: RowError) -> None:
        if self._source is not None:
            self._source.leave_out(error)
        else:
            self._left_out[error.line] = error

    def _token_rows(self, given: str, base_dir: Path) -> TokenRows | None:
        key = "blueprint.token_file"
        if given:
            if self._source is not None:
                raise ConfigError("Give either a file of tokens or other data, not both.", key=key)
            return TokenRows((base_dir / Path(given).expanduser()).resolve(), key)
        if self._source is not None or len(self.forms) > 1 or not tokens_of(self.forms[0]):
            return None
        beside = token_file_beside(self.path)
        return TokenRows(beside, key) if beside is not None else None


def _sentence(fault: TokenFault | FormError) -> str:
    if isinstance(fault, TokenFault):
        return str(fault)
    return f"makes a form that cannot be shown: {fault.message}"
