"""Experiments, runs and files as plain dictionaries for JSON: times in ISO 8601, names beside ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runstone.cli.text import iso_time
from runstone.entities import DatasetInput, Experiment, FileInfo, Run

if TYPE_CHECKING:
    from runstone.series.summary import Summary

__all__ = ["experiment_record", "file_record", "run_record", "series_record"]


def experiment_record(experiment: Experiment) -> dict[str, Any]:
    """An experiment."""
    return {
        "experiment_id": experiment.experiment_id,
        "name": experiment.name,
        "lifecycle_stage": str(experiment.lifecycle_stage),
        "artifact_location": experiment.artifact_location,
        "creation_time": iso_time(experiment.creation_time),
        "last_update_time": iso_time(experiment.last_update_time),
        "tags": experiment.tags,
    }


def run_record(run: Run, experiment_name: str | None = None) -> dict[str, Any]:
    """A run with its params, tags and the latest value of each metric."""
    info = run.info
    return {
        "run_id": info.run_id,
        "run_name": info.run_name,
        "experiment_id": info.experiment_id,
        "experiment_name": experiment_name,
        "status": str(info.status),
        "lifecycle_stage": str(info.lifecycle_stage),
        "user_id": info.user_id,
        "start_time": iso_time(info.start_time),
        "end_time": iso_time(info.end_time),
        "artifact_uri": info.artifact_uri,
        "metrics": run.data.metrics,
        "params": run.data.params,
        "tags": run.data.tags,
        "datasets": [_dataset_record(link) for link in run.inputs.dataset_inputs],
    }


def _dataset_record(link: DatasetInput) -> dict[str, Any]:
    dataset = link.dataset
    return {
        "name": dataset.name,
        "digest": dataset.digest,
        "source_type": dataset.source_type,
        "source": dataset.source,
        "tags": {tag.key: tag.value for tag in link.tags},
    }


def series_record(key: str, summary: Summary) -> dict[str, Any]:
    """What is known of a metric without its points."""
    return {
        "key": key,
        "count": summary.count,
        "first": summary.first,
        "first_step": summary.first_step,
        "last": summary.last,
        "last_step": summary.last_step,
        "last_time": iso_time(summary.last_timestamp),
        "min": summary.min,
        "min_step": summary.min_step,
        "max": summary.max,
        "max_step": summary.max_step,
    }


def file_record(file: FileInfo) -> dict[str, Any]:
    """A file or folder among a run's artifacts."""
    return {"path": file.path, "is_dir": file.is_dir, "file_size": file.file_size}
