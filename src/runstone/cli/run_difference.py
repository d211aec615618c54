"""What differs between runs, one row a fact, one column a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from runstone import tag_names
from runstone.cli.output import print_json
from runstone.cli.run_columns import elapsed_ms
from runstone.cli.tables import Column, print_table
from runstone.cli.text import duration, iso_time, number, short_ids
from runstone.entities import Run
from runstone.naming import now_ms

__all__ = ["print_difference"]

_COMPARED_TAGS = (tag_names.SOURCE_NAME, tag_names.GIT_COMMIT, tag_names.GIT_BRANCH, tag_names.USER)


def print_difference(runs: Sequence[Run], *, with_equal: bool, as_json: bool) -> None:
    """Print the facts in which the runs differ, or all of them."""
    groups = {
        name: {key: values for key, values in group.items() if with_equal or _differ(values)}
        for name, group in _groups(runs).items()
    }
    if as_json:
        heads = [{"run_id": run.info.run_id, "run_name": run.info.run_name} for run in runs]
        print_json({"runs": heads, **groups})
        return
    rows = [(group, key, values) for group, facts in groups.items() for key, values in facts.items()]
    if not rows:
        click.echo("The runs do not differ in their params, metrics and tags; --all shows what they have")
        return
    ids = short_ids(run.info.run_id for run in runs)
    print_table(
        [
            Column(heading="", cells=["ID", *(_label(group, key) for group, key, _ in rows)]),
            *(
                Column(
                    heading=run.info.run_name,
                    cells=[ids[run.info.run_id], *(_cell(key, values[i]) for _, key, values in rows)],
                    is_optional=i > 1,
                )
                for i, run in enumerate(runs)
            ),
        ]
    )


def _groups(runs: Sequence[Run]) -> dict[str, dict[str, list[Any]]]:
    now = now_ms()
    info: dict[str, list[Any]] = {
        "experiment_id": [run.info.experiment_id for run in runs],
        "status": [str(run.info.status) for run in runs],
        "start_time": [iso_time(run.info.start_time) for run in runs],
        "duration_ms": [elapsed_ms(run, now) for run in runs],
    }
    return {
        "info": info,
        "params": _by_key([run.data.params for run in runs]),
        "metrics": _by_key([run.data.metrics for run in runs]),
        "tags": _by_key([_compared_tags(run) for run in runs]),
    }


def _compared_tags(run: Run) -> dict[str, str]:
    return {key: value for key, value in run.data.tags.items() if _is_compared(key)}


def _is_compared(key: str) -> bool:
    return not key.startswith("mlflow.") or key in _COMPARED_TAGS


def _by_key(values: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    keys = sorted({key for one in values for key in one})
    return {key: [one.get(key) for one in values] for key in keys}


def _differ(values: Sequence[Any]) -> bool:
    return len({str(value) for value in values}) > 1  # as texts, for NaN is the same as NaN here


def _label(group: str, key: str) -> str:
    return key.removesuffix("_ms") if group == "info" else f"{group}.{key}"


def _cell(key: str, value: Any) -> str:
    if value is None:
        return "-"
    if key == "duration_ms" and isinstance(value, int):
        return duration(value)
    return number(value) if isinstance(value, float) else str(value)
