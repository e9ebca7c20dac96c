"""The world's faults, as sentences. Anything that is not an `AppError` is a bug and is logged with its traceback."""


class AppError(Exception):
    """A fault of the world, shown to the requester as a sentence and what to do about it.

    `message` says what happened and what was not lost; `advice` says what to do next (may be empty).
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class StoreError(AppError):
    """The database or the data folder cannot be used as it is (locked, corrupt, newer, full, read-only)."""


class EntryDoesNotExist(AppError):
    """A look-up by id found nothing, or a reference points at nothing."""


class EntryAlreadyExists(AppError):
    """A row with the same unique value is there already."""


class InvalidEntry(AppError):
    """A value may not be stored: `column` names it, `reason` says why."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(f"{column}: {reason}")
        self.column = column
        self.reason = reason


class IllegalTransition(AppError):
    """A status may not follow the one that is there; nothing was changed."""

    def __init__(self, kind: str, old: str, new: str) -> None:
        super().__init__(
            f"{'An' if kind[0] in 'aeio' else 'A'} {kind} that is {old} cannot become {new}; nothing was changed."
        )
        self.kind, self.old, self.new = kind, old, new


class ConfigError(AppError):
    """A task file or form holds a wrong value. `key` is dotted; `line` is 1-based, 0 when there is no file."""

    def __init__(self, message: str, *, key: str = "", file: str = "", line: int = 0, advice: str = "") -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{place}{message}", advice)
        self.key, self.file, self.line = key, file, line


class ProviderError(AppError):
    """A crowd provider refused or did not answer. `unknown_outcome` is true when the call may have had its effect."""

    def __init__(self, message: str, advice: str = "", *, unknown_outcome: bool = False) -> None:
        super().__init__(message, advice)
        self.unknown_outcome = unknown_outcome


class ArchitectError(AppError):
    """The place that serves the pages could not be prepared, reached or taken down."""


class RunHeldElsewhere(AppError):
    """Another process runs this task run."""
