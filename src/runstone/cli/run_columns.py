"""The columns of a table of runs: their names, their values, which of them tell the runs apart."""

from __future__ import annotations

import fnmatch
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from runstone.cli.tables import Column, is_terminal
from runstone.cli.text import duration, iso_time, number, relative_time, short_ids
from runstone.entities import LifecycleStage, Run, RunStatus

__all__ = ["ATTRIBUTES", "all_names", "default_names", "elapsed_ms", "named", "table_columns", "value_of"]

Value = str | float | None


def elapsed_ms(run: Run, now: int) -> int | None:
    """How long a run took; for one that goes on, until now."""
    info = run.info
    if info.start_time is None:
        return None
    if info.end_time is not None:
        return info.end_time - info.start_time
    return None if RunStatus.is_terminated(info.status) else now - info.start_time


def _duration_s(run: Run) -> Value:
    info = run.info
    return None if info.start_time is None or info.end_time is None else (info.end_time - info.start_time) / 1000


ATTRIBUTES: Mapping[str, Callable[[Run], Value]] = {
    "run_id": lambda run: run.info.run_id,
    "run_name": lambda run: run.info.run_name,
    "experiment_id": lambda run: run.info.experiment_id,
    "status": lambda run: str(run.info.status),
    "start_time": lambda run: iso_time(run.info.start_time),
    "end_time": lambda run: iso_time(run.info.end_time),
    "duration_s": _duration_s,
    "user_id": lambda run: run.info.user_id,
    "lifecycle_stage": lambda run: str(run.info.lifecycle_stage),
    "artifact_uri": lambda run: run.info.artifact_uri,
}
"""What `--columns` and CSV call a run's own facts, and how they are read. Beside them: metrics.*, params.*, tags.*."""

_ALIASES = {"id": "run_id", "name": "run_name", "experiment": "experiment_name", "user": "user_id"}
_EXPERIMENT_NAME = "experiment_name"  # of all columns the one that a run does not know by itself
_GROUPS = ("metrics", "params", "tags")


def value_of(run: Run, name: str, experiment_names: Mapping[str, str]) -> Value:
    """The value of a run in a column, None where it has none."""
    if name == _EXPERIMENT_NAME:
        return experiment_names.get(run.info.experiment_id)
    if name in ATTRIBUTES:
        return ATTRIBUTES[name](run)
    group, _, key = name.partition(".")
    value: Value = _values(run, group).get(key)
    return value


def _values(run: Run, group: str) -> Mapping[str, Any]:
    values: Mapping[str, Any] = getattr(run.data, group)
    return values


def _names_in(runs: Iterable[Run], group: str) -> list[str]:
    return [f"{group}.{key}" for key in sorted({key for run in runs for key in _values(run, group)})]


def named(texts: Iterable[str], runs: Sequence[Run]) -> list[str]:
    """The columns that `--columns` asks for; `metrics.*` is all that a run has. A wrong name is a usage error."""
    names: list[str] = []
    for text in (part.strip() for one in texts for part in one.split(",")):
        if text:
            names += [name for name in _expanded(text, runs) if name not in names]
    return names


def _expanded(text: str, runs: Sequence[Run]) -> list[str]:
    text = _ALIASES.get(text, text)
    if text in ATTRIBUTES or text == _EXPERIMENT_NAME:
        return [text]
    group, dot, key = text.partition(".")
    if group not in _GROUPS or not dot or not key:
        known = ", ".join((*ATTRIBUTES, _EXPERIMENT_NAME))
        raise click.BadParameter(
            f"no column is named {text!r}: it is one of {known}, or metrics.KEY, params.KEY, tags.KEY",
            param_hint="--columns",
        )
    if "*" in key or "?" in key:
        return fnmatch.filter(_names_in(runs, group), text)
    return [text]


def all_names(runs: Sequence[Run]) -> list[str]:
    """Every column but those of tags that Runstone sets itself."""
    tags = [name for name in _names_in(runs, "tags") if not name.startswith("tags.mlflow.")]
    return [*ATTRIBUTES, _EXPERIMENT_NAME, *_names_in(runs, "metrics"), *_names_in(runs, "params"), *tags]


def default_names(runs: Sequence[Run], asked: str) -> list[str]:
    """The metrics and params that tell the runs apart; first those that stand in `asked`, the filter and the order.

    Then metrics before params, and of each the ones that most runs have.
    """
    names: list[str] = []
    for group in ("metrics", "params"):
        counts = Counter(key for run in runs for key in _values(run, group))
        names += [f"{group}.{key}" for key, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    differing = [name for name in names if name in asked or len(runs) == 1 or _differs(name, runs)]
    return sorted(differing, key=lambda name: name not in asked)


def _differs(name: str, runs: Sequence[Run]) -> bool:
    # As texts, for NaN is the same as NaN here.
    return len({str(value_of(run, name, {})) for run in runs}) > 1


def table_columns(
    runs: Sequence[Run], names: Sequence[str] | None, asked: str, experiment_names: Mapping[str, str], now: int
) -> list[Column]:
    """The columns to print: those of `names`, or what is worth seeing."""
    if names is not None:
        return [_plain_column(name, runs, experiment_names) for name in names]
    ids = short_ids(run.info.run_id for run in runs) if is_terminal() else {}
    columns = [
        Column(heading="RUN ID", cells=[ids.get(run.info.run_id, run.info.run_id) for run in runs]),
        Column(heading="NAME", cells=[run.info.run_name for run in runs]),
    ]
    experiments = [experiment_names.get(run.info.experiment_id, run.info.experiment_id) for run in runs]
    if len(set(experiments)) > 1:
        columns.append(Column(heading="EXPERIMENT", cells=experiments, is_optional=True))
    columns += [
        Column(heading="STATUS", cells=[_status(run) for run in runs]),
        Column(heading="STARTED", cells=[relative_time(run.info.start_time, now) for run in runs]),
        Column(heading="TOOK", cells=[duration(elapsed_ms(run, now)) for run in runs], is_number=True),
    ]
    return columns + [_plain_column(name, runs, experiment_names) for name in default_names(runs, asked)]


def _status(run: Run) -> str:
    return "deleted" if run.info.lifecycle_stage is LifecycleStage.DELETED else run.info.status.lower()


def _plain_column(name: str, runs: Sequence[Run], experiment_names: Mapping[str, str]) -> Column:
    values = [value_of(run, name, experiment_names) for run in runs]
    return Column(
        heading=name.upper() if "." not in name else name.partition(".")[2],
        cells=[_cell(value) for value in values],
        is_number=all(not isinstance(value, str) for value in values),
        is_optional=True,
    )


def _cell(value: Value) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else number(value)
