"""All that a page about one run shows, in one answer."""

from __future__ import annotations

import msgspec

from runstone import tag_names
from runstone.entities import DatasetInput, RunInfo, ViewType
from runstone.errors import InvalidInput, NotFound
from runstone.series.summary import Summary
from runstone.stores.columns import ColumnChoice
from runstone.tracking.browsing import Browsing
from runstone.wire import convert
from runstone.wire.codec import float_text
from runstone.wire.schemas import browsing

__all__ = ["describe_run"]

_MAX_CHILDREN = 1_000
_NOTHING = ColumnChoice(metrics=(), params=(), tags=())


def describe_run(tracking: Browsing, request: browsing.DescribeRun) -> browsing.RunDescription:
    run = tracking.get_run(request.run_id)
    children, more_children = _children(tracking, run.info)
    files = tracking.open_artifacts(run.info.run_id).list("") if request.artifacts else []
    models = browsing.RunModels(
        inputs=[one.model_id for one in run.inputs.model_inputs],
        outputs=[one.model_id for one in run.outputs.model_outputs],
    )
    return browsing.RunDescription(
        info=_details(run.info),
        experiment_name=tracking.get_experiment(run.info.experiment_id).name,
        params=dict(run.data.params),
        tags=dict(run.data.tags),
        metrics=[_summary(key, summary) for key, summary in tracking.list_series(run.info.run_id).items()],
        inputs=[_input(link) for link in run.inputs.dataset_inputs],
        models=models if models.inputs or models.outputs else None,
        parent=_parent(tracking, run.data.tags.get(tag_names.PARENT_RUN_ID)),
        children=children,
        more_children=more_children,
        artifacts=[convert.file_body(file) for file in files],
    )


def _details(info: RunInfo) -> browsing.RunDetails:
    return browsing.RunDetails(
        run_id=info.run_id,
        experiment_id=info.experiment_id,
        run_name=info.run_name,
        status=info.status.value,
        stage=info.lifecycle_stage.value,
        user_id=info.user_id,
        artifact_uri=info.artifact_uri,
        start_time=info.start_time,
        end_time=info.end_time,
    )


def _summary(key: str, summary: Summary) -> browsing.SeriesSummary:
    fields = msgspec.structs.asdict(summary)
    texts = {name: float_text(value) for name, value in fields.items() if isinstance(value, float)}
    return browsing.SeriesSummary(key=key, **{**fields, **texts})


def _input(link: DatasetInput) -> browsing.RunInputDetails:
    context = {tag.key: tag.value for tag in link.tags}.get(tag_names.DATASET_CONTEXT)
    dataset = link.dataset
    return browsing.RunInputDetails(
        name=dataset.name, digest=dataset.digest, source_type=dataset.source_type, context=context
    )


def _parent(tracking: Browsing, run_id: str | None) -> browsing.RunReference | None:
    if run_id is None:
        return None
    try:
        info = tracking.get_run(run_id).info
    except (NotFound, InvalidInput):  # a tag holds any text
        return None
    return browsing.RunReference(
        run_id=info.run_id, run_name=info.run_name, status=info.status.value, start_time=info.start_time
    )


def _children(tracking: Browsing, info: RunInfo) -> tuple[list[browsing.RunReference], bool]:
    found = tracking.search_run_columns(
        [info.experiment_id],
        _NOTHING,
        filter_string=f"tags.`{tag_names.PARENT_RUN_ID}` = '{info.run_id}'",
        view=ViewType.ACTIVE_ONLY,
        max_results=_MAX_CHILDREN,
    )
    rows = zip(found.run_ids, found.names, found.status, found.start_time, strict=True)
    children = [
        browsing.RunReference(run_id=run_id, run_name=name, status=status, start_time=start_time)
        for run_id, name, status, start_time in rows
    ]
    return children, found.token is not None
