"""What can go wrong, by meaning. Knows no store, no wire format and no HTTP status.

::

    RunstoneError                 everything below; MLflow's users know it as MlflowException
    ├── NotFound                  nothing has this id or name               (also a LookupError)
    ├── AlreadyExists             the name or id is taken
    ├── InvalidInput              a value, key, filter or id breaks a rule  (also a ValueError)
    │   ├── FilterError           a filter or an order that cannot be read; has `column` and `expected`
    │   ├── ParamChanged          a param that is there already has another value
    │   └── NotActive             a write to something deleted, or a state that forbids the act
    ├── StoreError                the store cannot do its work              (also an OSError)
    │   ├── StoreUnavailable      cannot be opened, read or written just now
    │   ├── StoreCorrupt          what is on disk is damaged, or is not ours
    │   └── StoreVersion          made by a newer Runstone, or not upgraded yet
    ├── ArtifactError             a file that cannot be stored or read
    └── AccessDenied              the server knows who asks, and does not allow it
        └── NotAuthenticated      the server does not know who asks

`error_code` is the name MLflow's users compare with (`except MlflowException as e: e.error_code`).
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AccessDenied",
    "AlreadyExists",
    "ArtifactError",
    "FilterError",
    "InvalidInput",
    "NotActive",
    "NotAuthenticated",
    "NotFound",
    "ParamChanged",
    "RunstoneError",
    "StoreCorrupt",
    "StoreError",
    "StoreUnavailable",
    "StoreVersion",
]


class RunstoneError(Exception):
    """Base of all errors that Runstone raises on purpose. The message names the thing, the value and the remedy."""

    error_code: ClassVar[str] = "INTERNAL_ERROR"

    @property
    def message(self) -> str:
        """The text of the error."""
        return str(self)


class NotFound(RunstoneError, LookupError):
    """Nothing has this id or name."""

    error_code = "RESOURCE_DOES_NOT_EXIST"


class AlreadyExists(RunstoneError):
    """The name or the id is taken."""

    error_code = "RESOURCE_ALREADY_EXISTS"


class InvalidInput(RunstoneError, ValueError):
    """A value breaks a rule; the message says which rule and what would be accepted."""

    error_code = "INVALID_PARAMETER_VALUE"


class FilterError(InvalidInput):
    """A filter or an order that cannot be read.

    `text` is the whole expression, `column` the 0-based offset of the fault in it, `expected` what would have
    been accepted there. `what` names the expression in the message.
    """

    def __init__(self, problem: str, *, text: str, column: int, expected: str = "", what: str = "filter") -> None:
        self.problem = problem
        self.text = text
        self.column = column
        self.expected = expected
        hint = f"; expected {expected}" if expected else ""
        super().__init__(f"Invalid {what}: {problem} at column {column + 1}{hint}\n{_point_at(text, column)}")


def _point_at(text: str, column: int) -> str:
    """The line of the fault, cut to what is near it, over a caret."""
    line_start = text.rfind("\n", 0, column) + 1
    start = max(line_start, column - 60)
    line = text[start : column + 60].split("\n", 1)[0]
    lead = "  " if start == line_start else "  ..."
    return f"{lead}{line}\n{' ' * (len(lead) + column - start)}^"


class ParamChanged(InvalidInput):
    """A param is written once: its value cannot change within a run."""


class NotActive(InvalidInput):
    """The run or experiment is deleted (restore it first), or its state forbids the act."""


class StoreError(RunstoneError, OSError):
    """The store cannot do its work."""

    # OSError's own __str__ would print only the errno and strerror of a two-argument form.
    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class StoreUnavailable(StoreError):
    """The store cannot be opened, read or written just now (missing folder, no permission, full disk, locked)."""

    error_code = "TEMPORARILY_UNAVAILABLE"


class StoreCorrupt(StoreError):
    """What is on disk is damaged, or was not made by Runstone."""


class StoreVersion(StoreError):
    """The store was made by a newer Runstone, or has not been upgraded to this one."""


class ArtifactError(RunstoneError):
    """An artifact cannot be stored or read."""

    error_code = "INVALID_PARAMETER_VALUE"


class AccessDenied(RunstoneError):
    """The server does not allow it to this user; the message says which credentials it saw."""

    error_code = "PERMISSION_DENIED"


class NotAuthenticated(AccessDenied):
    """The server does not know who asks: credentials are missing or wrong."""

    error_code = "UNAUTHENTICATED"
