"""The tags that every new run gets without being asked: who runs which code, from which commit, and where.

Each provider knows one source of tags. This module runs them in order and makes sure that none can stop a run
from starting. It does not know what the tags are for.
"""

from __future__ import annotations

import logging

from runstone.context.base import ContextProvider
from runstone.context.databricks import DatabricksContext
from runstone.context.environment import EnvironmentContext
from runstone.context.git import GitContext
from runstone.context.notebook import NotebookContext
from runstone.context.plug_ins import load_plug_ins
from runstone.context.process import ProcessContext
from runstone.context.slurm import SlurmContext
from runstone.errors import InvalidInput
from runstone.validation import check_key, check_tag_value

__all__ = ["ContextProvider", "collect_tags"]

logger = logging.getLogger("runstone.context")

_BUILT_IN: tuple[ContextProvider, ...] = (
    ProcessContext(),
    GitContext(),
    NotebookContext(),
    DatabricksContext(),
    SlurmContext(),
)
_LAST_WORD: ContextProvider = EnvironmentContext()


def collect_tags() -> dict[str, str]:
    """The tags of a run that starts here and now.

    Where two providers speak of the same tag, the later one wins: the built-in ones, then plug-ins by name,
    then the JSON object in RUNSTONE_RUN_CONTEXT. Nothing is raised: a provider that fails, and a tag that no
    run can have, are left out with a debug line in the log.
    """
    collected: dict[str, str] = {}
    for provider in (*_BUILT_IN, *load_plug_ins(), _LAST_WORD):
        collected.update(_tags_of(provider))
    return collected


def _tags_of(provider: ContextProvider) -> dict[str, str]:
    try:
        found = dict(provider.tags()) if provider.in_context() else {}
        texts = {key: _tag_text(provider, key, value) for key, value in found.items() if value is not None}
    except Exception:
        logger.debug("The run context provider %s failed and was skipped", _name(provider), exc_info=True)
        return {}
    return {key: text for key, text in texts.items() if text is not None}


def _tag_text(provider: ContextProvider, key: object, value: object) -> str | None:
    try:
        return check_tag_value(check_key(key, kind="tag"), value)
    except InvalidInput as error:
        logger.debug("A tag of the run context provider %s was left out: %s", _name(provider), error)
        return None


def _name(provider: object) -> str:
    return f"{type(provider).__module__}.{type(provider).__qualname__}"
