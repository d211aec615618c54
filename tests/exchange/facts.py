"""All that a tracker holds, as plain values to be compared. Points as texts, so that NaN equals NaN."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runstone.artifacts.base import ArtifactStore
from runstone.entities import Experiment, Run, ViewType
from runstone.tracking.base import Tracking


def all_facts(tracking: Tracking) -> dict[str, Any]:
    """Everything but ids of experiments and places of files, which are the store's own."""
    experiments = {one.experiment_id: one for one in tracking.search_experiments(view=ViewType.ALL)}
    runs = tracking.search_runs(list(experiments), view=ViewType.ALL, max_results=50_000)
    return {
        "experiments": sorted((one.name, one.lifecycle_stage.value, one.tags) for one in experiments.values()),
        "runs": {run.info.run_id: run_facts(tracking, run, experiments) for run in runs},
        "models": {
            one.model_id: {
                **{name: getattr(one, name) for name in ("name", "model_type", "source_run_id", "params", "tags")},
                "status": one.status.value,
                "metrics": [
                    (m.key, m.value, m.timestamp, m.step, m.run_id, m.dataset_name, m.dataset_digest)
                    for m in one.metrics
                ],
                "files": dict(files_in(tracking.models.open_logged_model_artifacts(one.model_id))),
            }
            for one in tracking.models.search_logged_models(list(experiments))
        },
        "registry": {
            model.name: {
                "description": model.description,
                "tags": model.tags,
                "aliases": model.aliases,
                "versions": {
                    one.version: (
                        one.description,
                        one.run_id,
                        one.model_id,
                        one.current_stage.value,
                        one.tags,
                        dict(files_in(tracking.models.open_version_artifacts(model.name, one.version))),
                    )
                    for one in tracking.models.search_model_versions(filter_string=f"name = '{model.name}'")
                },
            }
            for model in tracking.models.search_registered_models()
        },
    }


def run_facts(tracking: Tracking, run: Run, experiments: dict[str, Experiment]) -> dict[str, Any]:
    """What is known of a run."""
    info = run.info
    return {
        "run_id": info.run_id,
        "experiment": experiments[info.experiment_id].name,
        "run_name": info.run_name,
        "status": info.status.value,
        "user_id": info.user_id,
        "start_time": info.start_time,
        "end_time": info.end_time,
        "stage": info.lifecycle_stage.value,
        "params": run.data.params,
        "tags": run.data.tags,
        "history": {
            key: [
                [step, timestamp, repr(value)]
                for step, timestamp, value in tracking.read_series(info.run_id, key).rows()
            ]
            for key in run.data.metrics
        },
        "datasets": [
            (
                *(getattr(link.dataset, name) for name in ("name", "digest", "source", "schema", "profile")),
                {tag.key: tag.value for tag in link.tags},
            )
            for link in run.inputs.dataset_inputs
        ],
        "models": (
            [one.model_id for one in run.inputs.model_inputs],
            [(one.model_id, one.step) for one in run.outputs.model_outputs],
        ),
        "files": dict(files_in(tracking.open_artifacts(info.run_id))),
    }


def files_in(store: ArtifactStore, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Each file with its contents."""
    for one in store.list(path):
        if one.is_dir:
            yield from files_in(store, one.path)
        else:
            with store.open(one.path) as file:
                yield one.path, file.read()
