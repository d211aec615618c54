"""LIKE, ILIKE and RLIKE as plain functions of a text and a pattern; stores register them as SQL functions.

The patterns used last are kept compiled.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["compile_regex", "like", "rlike"]


def like(text: str, pattern: str, *, ignore_case: bool) -> bool:
    """Whether the whole text has the pattern: `%` is any characters, `_` is one, and nothing escapes them.

    Both may be newlines. Ignoring case compares character by character, as `re.IGNORECASE` does: `É` is `é`,
    but `ß` is not `ss`.
    """
    return _compile_like(pattern, ignore_case).fullmatch(text) is not None


def rlike(text: str, pattern: str) -> bool:
    """Whether the regular expression matches anywhere in the text: `re.search`."""
    return compile_regex(pattern).search(text) is not None


@lru_cache(256)
def compile_regex(pattern: str) -> re.Pattern[str]:
    """The regular expression, compiled. Raises ValueError where it is not one."""
    try:
        return re.compile(pattern)
    # Deep nesting and huge repeats raise the others; a Warning comes only where the user makes them errors.
    except (re.error, RecursionError, OverflowError, Warning) as error:
        raise ValueError(str(error)) from None


@lru_cache(256)
def _compile_like(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    first, *rest = (_literal(part) for part in re.split("%+", pattern))
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    if not rest:
        return re.compile(first, flags)
    # Each part may be taken where it is found first. A look-ahead never comes back to try a later place,
    # which keeps patterns such as '%a%a%a%b' from taking time without end.
    middle = (f"(?=(?P<part{i}>.*?{part}))(?P=part{i})" for i, part in enumerate(rest[:-1]))
    return re.compile(f"{first}{''.join(middle)}.*{rest[-1]}", flags)


def _literal(part: str) -> str:
    return "".join("." if character == "_" else re.escape(character) for character in part)
