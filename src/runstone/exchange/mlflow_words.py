"""MLflow's words and numbers for what our entities say, as its files and databases have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runstone import tag_names
from runstone.entities import LifecycleStage, LoggedModelStatus, ModelStage, RunStatus

__all__ = ["DELETED_VERSION", "model_id_of", "model_stage", "model_status", "run_status", "stage", "with_columns"]

DELETED_VERSION = "Deleted_Internal"
"""The stage of a version that was deleted, and still lies there."""

_RUN_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_MODEL_STATUS = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "FAILED"}
_SOURCE_TYPE: dict[Any, str] = {1: "NOTEBOOK", 2: "JOB", 3: "PROJECT", 4: "LOCAL", 1000: "UNKNOWN"}


def stage(word: str | None) -> LifecycleStage:
    """Whether something is deleted; the oldest versions do not say."""
    return LifecycleStage.DELETED if word == "deleted" else LifecycleStage.ACTIVE


def run_status(word: Any) -> RunStatus:
    """A run's status by its number (in files) or its name."""
    return RunStatus(_RUN_STATUS.get(word, word) if word is not None else "RUNNING")


def model_status(word: Any) -> LoggedModelStatus:
    """A logged model's status by its number or its name; what is not known is UNSPECIFIED."""
    text = _MODEL_STATUS.get(int(word)) if str(word).isdigit() else word
    return LoggedModelStatus(text) if text in set(LoggedModelStatus) else LoggedModelStatus.UNSPECIFIED


def model_stage(word: str | None) -> ModelStage:
    """The stage of a version."""
    return ModelStage.from_string(word) if word else ModelStage.NONE


def model_id_of(source: str | None) -> str:
    """The logged model that a version was made of, which its source alone tells."""
    match = re.match(r"models:/+(m-[0-9a-f]{32})/*\Z", source or "")
    return match[1] if match else ""


def with_columns(tags: Mapping[str, str], source_name: str | None, source_type: str | int | None) -> dict[str, str]:
    """The tags, with what versions before 1.0 kept in columns of the run instead."""
    found = dict(tags)
    if source_name and tag_names.SOURCE_NAME not in found:
        found[tag_names.SOURCE_NAME] = source_name
        if source_type:
            found[tag_names.SOURCE_TYPE] = str(_SOURCE_TYPE.get(source_type, source_type))
    return found
