"""A server as a Target: it may make up the ids of runs itself, and then a tag says where each has come from.

Models get ids of the server's own: they cannot be chosen over MLflow's REST API (see `server_models`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from runstone import tag_names
from runstone.entities import Experiment, Run, ViewType
from runstone.errors import NotFound, RunstoneError
from runstone.exchange.target import WRITER, Found, whole_mark
from runstone.stores.base import Write
from runstone.stores.models import ModelStore
from runstone.tracking.base import Tracking

__all__ = ["ServerTarget"]

_WHOLE = "whole"


class ServerTarget:
    """A server of ours, which keeps ids, or of MLflow, which does not. The Tracking is the caller's to close."""

    refers = False
    models: ModelStore | None = None

    def __init__(self, tracking: Tracking, place: str, *, keeps_ids: bool) -> None:
        self.tracking = tracking
        self.place = place
        self._keeps_ids = keeps_ids
        self._ids: dict[str, str] = {}
        """From ids of the source to the server's, of runs that were found or created."""

    def create_experiment(self, experiment: Experiment) -> str:
        """See Target."""
        return self.tracking.create_experiment(experiment.name, tags=experiment.tags)

    def find_run(self, experiment_id: str, run_id: str) -> Found | None:
        """See Target."""
        if self._keeps_ids:
            try:
                run = self.tracking.get_run(run_id)
            except NotFound:
                return None
            return Found(run_id, run, self.tracking.last_sequence(run_id, WRITER) > 0)
        page = self.tracking.search_runs(
            [experiment_id],
            filter_string=f"tags.`{tag_names.JOURNAL_RUN_ID}` = '{run_id}'",
            view=ViewType.ALL,
            max_results=1,
        )
        if not page:
            return None
        (run,) = page
        self._ids[run_id] = run.info.run_id
        return Found(run.info.run_id, run, run.data.tags.get(tag_names.COPIED) == _WHOLE)

    def create_run(self, experiment_id: str, run: Run, artifact_uri: str | None) -> str:
        """See Target."""
        info, tags = run.info, dict(run.data.tags)
        if not self._keeps_ids:
            tags[tag_names.JOURNAL_RUN_ID] = info.run_id
            parent = tags.get(tag_names.PARENT_RUN_ID)
            if parent is not None:
                tags[tag_names.PARENT_RUN_ID] = self._ids.get(parent, parent)
        created = self.tracking.create_run(
            experiment_id,
            run_id=info.run_id if self._keeps_ids else None,
            run_name=info.run_name or None,
            start_time=info.start_time or 0,
            user_id=info.user_id,
            tags=tags,
        )
        self._ids[info.run_id] = created.info.run_id
        return created.info.run_id

    def run_id_of(self, run_id: str) -> str | None:
        """The server's id of a run of the source that was found or created."""
        return run_id if self._keeps_ids else self._ids.get(run_id)

    def record(self, writes: Sequence[Write]) -> list[RunstoneError | None]:
        """See Target."""
        # Figures of models whose ids the server does not know.
        return self.tracking.log_batches([msgspec.structs.replace(write, model_metrics=()) for write in writes])

    def mark_whole(self, run_ids: Sequence[str]) -> list[RunstoneError | None]:
        """See Target."""
        if self._keeps_ids:
            marks = [whole_mark(self.tracking.last_sequence(one, WRITER), one) for one in run_ids]
        else:
            marks = [Write(run_id=one, tags={tag_names.COPIED: _WHOLE}) for one in run_ids]
        return self.tracking.log_batches(marks) if marks else []
