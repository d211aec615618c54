"""What MemoryModelStore keeps: rows that change, as entities and as filters see them."""

from __future__ import annotations

from collections.abc import Sequence

from runstone.entities import LoggedModel, LoggedModelStatus, ModelMetric, ModelStage, ModelVersion, RegisteredModel
from runstone.filters.match import Subject
from runstone.stores.models import DatasetChoice, NewLoggedModel, NewModelVersion

__all__ = ["LoggedModelRow", "RegisteredModelRow", "VersionRow"]


class VersionRow:
    """A version. Its name and aliases are its model's to say."""

    def __init__(self, new: NewModelVersion, version: int, now: int) -> None:
        self.new = new
        self.version = version
        self.description = new.description
        self.stage = ModelStage.NONE
        self.tags = dict(new.tags)
        self.creation_time = self.last_update_time = now

    def entity(self, model: RegisteredModelRow) -> ModelVersion:
        """The version as it is now."""
        return ModelVersion(
            name=model.name,
            version=str(self.version),
            creation_timestamp=self.creation_time,
            last_updated_timestamp=self.last_update_time,
            description=self.description,
            user_id=self.new.user_id,
            current_stage=self.stage,
            source=self.new.source,
            storage_location=self.new.storage_location,
            run_id=self.new.run_id,
            run_link=self.new.run_link,
            model_id=self.new.model_id,
            tags=dict(sorted(self.tags.items())),
            aliases=tuple(sorted(alias for alias, version in model.aliases.items() if version == self.version)),
        )

    def subject(self, model: RegisteredModelRow) -> Subject:
        """What filters and orders look at."""
        return Subject(
            attributes={
                "name": model.name,
                "version_number": self.version,
                "current_stage": self.stage.value,
                "run_id": self.new.run_id,
                "model_id": self.new.model_id,
                "source_path": self.new.source,
                "description": self.description,
                "user_id": self.new.user_id,
                "creation_timestamp": self.creation_time,
                "last_updated_timestamp": self.last_update_time,
            },
            tags=self.tags,
        )


class RegisteredModelRow:
    """A registered model with its versions by number."""

    def __init__(self, name: str, description: str, tags: dict[str, str], now: int) -> None:
        self.name = name
        self.description = description
        self.tags = tags
        self.aliases: dict[str, int] = {}
        self.versions: dict[int, VersionRow] = {}
        self.last_version = 0
        self.creation_time = self.last_update_time = now

    def latest(self, stages: Sequence[ModelStage]) -> list[ModelVersion]:
        """The newest version of each of these stages, or of all, oldest first."""
        newest = {row.stage: row for _, row in sorted(self.versions.items())}
        chosen = [row for stage, row in newest.items() if not stages or stage in stages]
        return [row.entity(self) for row in sorted(chosen, key=lambda row: row.version)]

    def entity(self) -> RegisteredModel:
        """The model as it is now."""
        return RegisteredModel(
            name=self.name,
            creation_timestamp=self.creation_time,
            last_updated_timestamp=self.last_update_time,
            description=self.description,
            latest_versions=tuple(self.latest(())),
            tags=dict(sorted(self.tags.items())),
            aliases={alias: str(version) for alias, version in sorted(self.aliases.items())},
        )

    def subject(self) -> Subject:
        """What filters and orders look at."""
        return Subject(
            attributes={
                "name": self.name,
                "description": self.description,
                "creation_timestamp": self.creation_time,
                "last_updated_timestamp": self.last_update_time,
            },
            tags=self.tags,
        )


class LoggedModelRow:
    """A logged model; its metrics by key, dataset name and digest."""

    def __init__(self, new: NewLoggedModel, location: str, now: int) -> None:
        self.new = new
        self.location = location
        self.status = LoggedModelStatus.PENDING
        self.params = dict(new.params)
        self.tags = dict(new.tags)
        self.metrics: dict[tuple[str, str, str], ModelMetric] = {}
        self.is_deleted = False
        self.creation_time = self.last_update_time = now

    def add_metric(self, metric: ModelMetric) -> None:
        """Keep it if no later one is there."""
        place = (metric.key, metric.dataset_name, metric.dataset_digest)
        known = self.metrics.get(place)
        if known is None or (known.timestamp, known.step) <= (metric.timestamp, metric.step):
            self.metrics[place] = metric

    def metrics_on(self, datasets: Sequence[DatasetChoice]) -> list[ModelMetric]:
        """The figures on any of these datasets (none given: all), latest first."""
        found = [one for one in self.metrics.values() if not datasets or any(_is_on(one, each) for each in datasets)]
        return sorted(
            found, key=lambda one: (one.timestamp, one.step, one.dataset_name, one.dataset_digest), reverse=True
        )

    def entity(self) -> LoggedModel:
        """The model as it is now."""
        return LoggedModel(
            model_id=self.new.model_id,
            experiment_id=self.new.experiment_id,
            name=self.new.name,
            artifact_location=self.location,
            creation_timestamp=self.creation_time,
            last_updated_timestamp=self.last_update_time,
            model_type=self.new.model_type,
            source_run_id=self.new.source_run_id,
            status=self.status,
            params=dict(sorted(self.params.items())),
            tags=dict(sorted(self.tags.items())),
            metrics=tuple(self.metrics[place] for place in sorted(self.metrics)),
        )

    def subject(self, datasets: Sequence[DatasetChoice]) -> Subject:
        """What filters and orders look at, with the figures on these datasets."""
        figures: dict[str, list[float]] = {}
        for metric in self.metrics_on(datasets):
            figures.setdefault(metric.key, []).append(metric.value)
        return Subject(
            attributes={
                "model_id": self.new.model_id,
                "name": self.new.name,
                "model_type": self.new.model_type,
                "status": self.status.value,
                "source_run_id": self.new.source_run_id,
                "experiment_id": self.new.experiment_id,
                "artifact_location": self.location,
                "creation_timestamp": self.creation_time,
                "last_updated_timestamp": self.last_update_time,
            },
            params=self.params,
            tags=self.tags,
            figures=figures,
        )


def _is_on(metric: ModelMetric, dataset: DatasetChoice) -> bool:
    return dataset.name in (None, metric.dataset_name) and dataset.digest in (None, metric.dataset_digest)
