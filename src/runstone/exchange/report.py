"""What a copy has done, and what it has left out, and why. Knows no source and no target."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["Problem", "Report"]


class Problem(msgspec.Struct, frozen=True):
    """Something that did not come along: what, and why, with the remedy if there is one."""

    what: str
    reason: str


class Report(msgspec.Struct, kw_only=True):
    """Counts of what was copied. `completed` runs were there already, in part; `skipped` ones were there as a whole."""

    source: str
    target: str
    is_dry_run: bool = False
    experiments: int = 0
    runs: int = 0
    completed: int = 0
    skipped: int = 0
    filtered: int = 0
    points: int = 0
    files: int = 0
    file_bytes: int = 0
    logged_models: int = 0
    registered_models: int = 0
    model_versions: int = 0
    problems: list[Problem] = []

    def note(self, what: str, reason: object) -> None:
        """Say that something did not come along."""
        problem = Problem(what, str(reason))
        if problem not in self.problems[-100:]:
            self.problems.append(problem)

    def to_dictionary(self) -> dict[str, Any]:
        """The report, ready for JSON."""
        return dict(msgspec.to_builtins(self))
