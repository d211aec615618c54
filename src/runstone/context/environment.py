"""The tags that RUNSTONE_RUN_CONTEXT gives to every run: a JSON object.

It was set on purpose, so its mistakes are told in a warning, where those of other sources are not.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import msgspec

from runstone.errors import InvalidInput
from runstone.settings import RUN_CONTEXT
from runstone.validation import check_key, check_tag_value

__all__ = ["EnvironmentContext"]

logger = logging.getLogger("runstone.context")


class EnvironmentContext:
    """Whatever the user wrote into the variable."""

    def in_context(self) -> bool:
        """Whether the variable is set."""
        return RUN_CONTEXT.source() is not None

    def tags(self) -> dict[str, str]:
        """The object's members. What cannot be a tag is left out with a warning in the log."""
        return dict(_read_tags(str(RUN_CONTEXT.source()), str(RUN_CONTEXT.get())))


@functools.lru_cache(maxsize=8)  # so that a process that starts many runs is warned once
def _read_tags(variable: str, text: str) -> dict[str, str]:
    try:
        members = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        shown = text if len(text) <= 80 else text[:77] + "..."
        expected = 'Expected a JSON object such as {"team": "vision"}'
        logger.warning("The environment variable %s=%r was ignored: %s. %s.", variable, shown, error, expected)
        return {}
    tags = {}
    for key, value in members.items():
        if value is None:
            continue
        try:
            tags[check_key(key, kind="tag")] = check_tag_value(key, value)
        except InvalidInput as error:
            logger.warning("A tag of the environment variable %s was left out: %s", variable, error)
    return tags
