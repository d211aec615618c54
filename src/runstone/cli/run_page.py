"""All about one run, on one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from runstone import tag_names
from runstone.cli.chart import sparkline
from runstone.cli.files import print_tree, walk
from runstone.cli.lookup import list_runs, quoted
from runstone.cli.output import print_json
from runstone.cli.records import file_record, run_record, series_record
from runstone.cli.run_columns import elapsed_ms
from runstone.cli.session import Session
from runstone.cli.tables import Column, print_fields, print_heading, print_table
from runstone.cli.text import duration, number, relative_time
from runstone.entities import Experiment, LifecycleStage, Run, ViewType
from runstone.naming import now_ms

if TYPE_CHECKING:
    from runstone.series.summary import Summary

__all__ = ["print_run", "print_summaries"]

_MAX_FILES = 50
_MAX_NESTED = 50
_MAX_CURVES = 100  # each is read in full
_CURVE_WIDTH = 24

# What the first block says by itself.
_TAGS_SHOWN_AS_FIELDS = {
    tag_names.USER: "user",
    tag_names.SOURCE_NAME: "source",
    tag_names.GIT_COMMIT: "git commit",
    tag_names.GIT_BRANCH: "git branch",
    tag_names.PARENT_RUN_ID: "nested in",
    tag_names.RUN_NOTE: "description",
}
_TAGS_NOT_SHOWN = {*_TAGS_SHOWN_AS_FIELDS, tag_names.RUN_NAME, tag_names.SOURCE_TYPE}


def print_run(session: Session, run: Run, *, as_json: bool) -> None:
    """Print a run, with what is known of its metrics and with its files."""
    run_id = run.info.run_id
    experiment = session.tracking.get_experiment(run.info.experiment_id)
    summaries = session.tracking.list_series(run_id)
    store = session.tracking.open_artifacts(run_id)
    if as_json:
        series = [series_record(key, summary) for key, summary in summaries.items()]
        files = [file_record(file) for file in walk(store)]
        print_json({**run_record(run, experiment.name), "series": series, "artifacts": files})
        return
    print_fields(_fields(run, experiment))
    _print_block("Params", sorted(run.data.params.items()))
    if summaries:
        print_heading("Metrics")
        print_summaries(session, run_id, summaries)
    _print_block("Tags", sorted((key, text) for key, text in run.data.tags.items() if key not in _TAGS_NOT_SHOWN))
    _print_block("Datasets", [(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs])
    _print_nested(session, experiment, run)
    if store.list():
        print_heading("Artifacts")
        print_tree(store, limit=_MAX_FILES)


def _fields(run: Run, experiment: Experiment) -> list[tuple[str, str]]:
    info, now = run.info, now_ms()
    stage = " (deleted)" if info.lifecycle_stage is LifecycleStage.DELETED else ""
    fields = [
        ("name", info.run_name),
        ("id", info.run_id),
        ("experiment", f"{experiment.name} (id {experiment.experiment_id})"),
        ("status", f"{info.status.lower()}{stage}"),
        ("started", relative_time(info.start_time, now)),
        ("took", duration(elapsed_ms(run, now))),
    ]
    tags = run.data.tags
    fields += [(name, tags[key]) for key, name in _TAGS_SHOWN_AS_FIELDS.items() if tags.get(key)]
    return [*fields, ("artifacts", info.artifact_uri)]


def _print_block(heading: str, fields: Sequence[tuple[str, str]]) -> None:
    if fields:
        print_heading(heading)
        print_fields(fields)


def print_summaries(session: Session, run_id: str, summaries: Mapping[str, Summary]) -> None:
    """The table of a run's metrics."""
    rows = list(summaries.items())
    print_table(
        [
            Column(heading="METRIC", cells=[key for key, _ in rows]),
            Column(heading="LAST", cells=[number(one.last) for _, one in rows], is_number=True),
            Column(heading="MIN", cells=[number(one.min) for _, one in rows], is_number=True),
            Column(heading="MAX", cells=[number(one.max) for _, one in rows], is_number=True),
            Column(heading="STEP", cells=[str(one.last_step) for _, one in rows], is_number=True),
            Column(heading="POINTS", cells=[str(one.count) for _, one in rows], is_number=True),
            Column(heading="CURVE", cells=_curves(session, run_id, summaries), is_optional=True),
        ]
    )


def _curves(session: Session, run_id: str, summaries: Mapping[str, Summary]) -> list[str]:
    from runstone.series.downsample import bucket  # here, because it loads numpy and --help should not

    def curve(place: int, key: str, summary: Summary) -> str:
        if place >= _MAX_CURVES or summary.count < 2:
            return ""
        values: Any = bucket(session.tracking.read_series(run_id, key), _CURVE_WIDTH).last
        return sparkline(values.tolist())

    return [curve(place, key, summary) for place, (key, summary) in enumerate(summaries.items())]


def _print_nested(session: Session, experiment: Experiment, run: Run) -> None:
    """The runs nested in this one; those nested in a run of another experiment are not looked for."""
    nested = list_runs(
        session,
        [experiment],
        filter_string=f"tags.`{tag_names.PARENT_RUN_ID}` = {quoted(run.info.run_id)}",
        view=ViewType.ACTIVE_ONLY,
        order_by=["attributes.start_time ASC"],
        max_results=_MAX_NESTED + 1,
    )
    if not nested:
        return
    print_heading("Nested runs")
    now = now_ms()
    shown = nested[:_MAX_NESTED]
    print_table(
        [
            Column(heading="RUN ID", cells=[one.info.run_id for one in shown]),
            Column(heading="NAME", cells=[one.info.run_name for one in shown]),
            Column(heading="STATUS", cells=[one.info.status.lower() for one in shown]),
            Column(heading="TOOK", cells=[duration(elapsed_ms(one, now)) for one in shown], is_number=True),
        ]
    )
    if len(nested) > _MAX_NESTED:
        click.echo("...")
