"""The fixed words of the field, as enums. Texts compare equal to their enum: `run.info.status == "FINISHED"`."""

from __future__ import annotations

from enum import Enum, IntEnum

from runstone.errors import InvalidInput

__all__ = [
    "LifecycleStage",
    "LoggedModelStatus",
    "ModelStage",
    "ModelVersionStatus",
    "RunStatus",
    "SourceType",
    "ViewType",
    "Word",
]


class Word(str, Enum):
    """A fixed word: an enum that is its text."""

    def __str__(self) -> str:
        return str(self.value)


class RunStatus(Word):
    """Where a run stands. A member is its own name as text."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"

    @staticmethod
    def from_string(name: str) -> RunStatus:
        """The status of that name. Raises InvalidInput."""
        try:
            return RunStatus(name)
        except ValueError:
            known = ", ".join(RunStatus)
            raise InvalidInput(f"Unknown run status {name!r}; it is one of {known}") from None

    @staticmethod
    def to_string(status: RunStatus | str) -> str:
        """The status as plain text."""
        return RunStatus.from_string(status).value

    @staticmethod
    def is_terminated(status: RunStatus | str) -> bool:
        """Whether a run of that status has ended."""
        return status in (RunStatus.FINISHED, RunStatus.FAILED, RunStatus.KILLED)

    @staticmethod
    def all_status() -> list[RunStatus]:
        """Every status, in the order of this class."""
        return list(RunStatus)


class LifecycleStage(Word):
    """Whether a run or an experiment is there or deleted (deleted things can be restored until they are purged)."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(IntEnum):
    """Which lifecycle stages a search looks at."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    @property
    def stages(self) -> tuple[LifecycleStage, ...]:
        """The stages that this view shows."""
        if self is ViewType.ALL:
            return (LifecycleStage.ACTIVE, LifecycleStage.DELETED)
        return (LifecycleStage.ACTIVE if self is ViewType.ACTIVE_ONLY else LifecycleStage.DELETED,)

    @staticmethod
    def from_string(name: str) -> ViewType:
        """The view of that name, such as `"active_only"`. Raises InvalidInput."""
        try:
            return ViewType[name.upper()]
        except KeyError:
            raise InvalidInput(f"Unknown view type {name!r}; it is one of active_only, deleted_only, all") from None

    @staticmethod
    def to_string(view: int) -> str:
        """The view's name in lower case."""
        return ViewType(view).name.lower()


class SourceType(Word):
    """What started a run: the values of the tag `mlflow.source.type`."""

    NOTEBOOK = "NOTEBOOK"
    JOB = "JOB"
    PROJECT = "PROJECT"
    LOCAL = "LOCAL"
    RECIPE = "RECIPE"
    UNKNOWN = "UNKNOWN"


class LoggedModelStatus(Word):
    """Whether the files of a logged model are all there."""

    UNSPECIFIED = "UNSPECIFIED"
    PENDING = "PENDING"
    READY = "READY"
    FAILED = "FAILED"


class ModelVersionStatus(Word):
    """Whether a version can be used; here it always can."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    READY = "READY"


class ModelStage(Word):
    """What a version of a registered model is for. Aliases say it better, but older clients know stages alone."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"

    @staticmethod
    def from_string(name: str) -> ModelStage:
        """The stage of that name, in any case. Raises InvalidInput."""
        for stage in ModelStage:
            if stage.value.lower() == name.lower():
                return stage
        known = ", ".join(ModelStage)
        raise InvalidInput(f"Invalid Model Version stage: {name}. Value must be one of {known}.")
