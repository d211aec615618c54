"""Runs, and the params, tags and datasets recorded in them, in SQL: functions over a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from runstone import tag_names
from runstone.entities import DatasetInput, LifecycleStage, Run, RunData, RunInfo, RunStatus
from runstone.stores import records
from runstone.stores.base import Changes, NewRun
from runstone.stores.sql.database import Row, Transaction
from runstone.stores.sql.experiments import active_experiment
from runstone.stores.sql.writers import forget_silence
from runstone.validation import param_number

__all__ = [
    "active_run",
    "append_to_list_tag",
    "artifact_uri",
    "create",
    "delete_tag",
    "delete_tags",
    "insert_params",
    "last_number",
    "list_changed",
    "lock",
    "log_inputs",
    "new_params",
    "note_change",
    "run_number",
    "set_stage",
    "set_status",
    "set_tags",
    "touch",
    "write_status",
]


def run_number(tx: Transaction, run_id: str) -> int:
    """The number of a run, deleted or not. Raises NotFound."""
    row = tx.row("SELECT id FROM runs WHERE run_id = ?", (run_id,))
    if row is None:
        raise records.run_not_found(run_id)
    return int(row[0])


def active_run(tx: Transaction, run_id: str) -> int:
    """The number of a run that may be written to. Raises NotFound and NotActive."""
    row = tx.row("SELECT id, deleted_time FROM runs WHERE run_id = ?", (run_id,))
    if row is None:
        raise records.run_not_found(run_id)
    if row[1] is not None:
        raise records.run_deleted(run_id)
    return int(row[0])


def lock(tx: Transaction, runs: Iterable[str] | Iterable[int], *, by: str = "run_id") -> None:
    """Let no other transaction write to these runs before the end of this one; all in one order, so that none is stuck.

    They are given by their ids, or (`by="id"`) by their numbers.
    """
    if tx.dialect.has_row_locks:
        found = tx.dialect.list_argument(list(set(runs)))
        tx.rows(f"SELECT id FROM runs WHERE {tx.dialect.is_member(by)} ORDER BY id FOR UPDATE", (found,))


def touch(tx: Transaction, run_id: str) -> int:
    """The number of a run that may be written to, noting that this transaction changes it.

    Raises NotFound and NotActive.
    """
    row = tx.row(
        "UPDATE runs SET revision = ? WHERE run_id = ? AND deleted_time IS NULL RETURNING id", (tx.revision(), run_id)
    )
    return active_run(tx, run_id) if row is None else int(row[0])


def note_change(tx: Transaction, run: int) -> None:
    """The same of a run that is known to take writes."""
    tx.run("UPDATE runs SET revision = ? WHERE id = ?", (tx.revision(), run))


def list_changed(tx: Transaction, since: int, limit: int) -> Changes:
    """The runs that transactions after `since` have changed, the first to change first."""
    rows = tx.rows(
        f"SELECT run_id, experiment, revision FROM runs WHERE revision > ? AND {tx.dialect.is_settled('revision')} "
        "ORDER BY revision LIMIT ?",
        (since, limit + 1),
    )
    if len(rows) > limit:
        # A transaction's runs are told together or not at all, so that its number says where to go on.
        last = rows[limit][2]
        rows = [row for row in rows if row[2] < last] or tx.rows(
            "SELECT run_id, experiment, revision FROM runs WHERE revision = ?", (last,)
        )
    revision = rows[-1][2] if rows else since
    return Changes(revision=revision, runs=[(row[0], str(row[1])) for row in rows])


def find_experiments(tx: Transaction, run_ids: Sequence[str]) -> dict[str, str]:
    """The experiment of each of the runs that are there."""
    among = tx.dialect.is_member("run_id")
    rows = tx.rows(f"SELECT run_id, experiment FROM runs WHERE {among}", (tx.dialect.list_argument(list(run_ids)),))
    return {run_id: str(experiment) for run_id, experiment in rows}


def create(tx: Transaction, run: NewRun, root: str) -> Run:
    """The run as it is now, without reading it back. Raises NotFound, NotActive and AlreadyExists."""
    experiment, _, location, *_ = active_experiment(tx, run.experiment_id)
    row = tx.row(
        "INSERT INTO runs (run_id, experiment, name, user_id, status, start_time, artifact_uri, "
        "deleted_with_experiment, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (run_id) DO NOTHING RETURNING id",
        (
            run.run_id, experiment, run.run_name, run.user_id, run.status.value, run.start_time, run.artifact_uri,
            False, tx.revision(),
        ),
    )  # fmt: skip
    if row is None:
        raise records.run_exists(run.run_id)
    _write_tags(tx, row[0], run.tags)
    info = RunInfo(
        run_id=run.run_id,
        experiment_id=run.experiment_id,
        run_name=run.run_name,
        user_id=run.user_id,
        status=run.status,
        start_time=run.start_time,
        artifact_uri=artifact_uri(run.run_id, experiment, run.artifact_uri, location, root),
    )
    return Run(info=info, data=RunData(tags=dict(sorted(run.tags.items()))))


def artifact_uri(run_id: str, experiment: int, uri: str | None, location: str | None, root: str) -> str:
    """Where a run's files lie: its own place, else below its experiment's, else below the store's."""
    return uri or f"{location or f'{root}/{experiment}'}/{run_id}/artifacts"


def set_status(tx: Transaction, run_id: str, status: RunStatus, end_time: int | None) -> None:
    """Raises NotFound and NotActive."""
    write_status(tx, touch(tx, run_id), status, end_time)


def write_status(tx: Transaction, run: int, status: RunStatus, end_time: int | None) -> None:
    """The same of a run that is noted to change."""
    tx.run("UPDATE runs SET status = ?, end_time = ? WHERE id = ?", (status.value, end_time, run))
    forget_silence(tx, run)


def set_stage(tx: Transaction, run_id: str, stage: LifecycleStage, now: int) -> None:
    """Delete or restore a run, unless it is so already. Raises NotFound."""
    run = run_number(tx, run_id)
    deletes = stage is LifecycleStage.DELETED
    tx.run(
        "UPDATE runs SET deleted_time = ?, deleted_with_experiment = ?, revision = ? "
        f"WHERE id = ? AND deleted_time IS {'' if deletes else 'NOT '}NULL",
        (now if deletes else None, False, tx.revision(), run),
    )


def new_params(tx: Transaction, run_id: str, run: int, params: Mapping[str, str]) -> list[Row]:
    """The rows of those params that are not there yet. Raises ParamChanged."""
    member = tx.dialect.is_member("key")
    known: dict[str, str] = dict(
        tx.rows(
            f"SELECT key, value FROM params WHERE run = ? AND {member}",
            (run, tx.dialect.list_argument(list(params))),
        )
    )
    for key, value in params.items():
        if known.get(key, value) != value:
            raise records.param_changed(run_id, key, known[key], value)
    return [(run, key, value, param_number(value)) for key, value in params.items() if key not in known]


def insert_params(tx: Transaction, rows: list[Row]) -> None:
    """Write what `new_params` gave."""
    tx.run_many("INSERT INTO params (run, key, value, number) VALUES (?, ?, ?, ?)", rows)


def set_tags(tx: Transaction, run: int, tags: Mapping[str, str]) -> None:
    """Overwrite tags; the run's name goes with its tag."""
    _write_tags(tx, run, tags)
    name = tags.get(tag_names.RUN_NAME)
    if name is not None:
        tx.run("UPDATE runs SET name = ? WHERE id = ?", (name, run))


def _write_tags(tx: Transaction, run: int, tags: Mapping[str, str]) -> None:
    tx.run_many(
        "INSERT INTO tags (run, key, value) VALUES (?, ?, ?) "
        "ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
        [(run, key, value) for key, value in tags.items()],
    )


def delete_tag(tx: Transaction, run_id: str, key: str) -> None:
    """Raises NotFound and NotActive."""
    run = touch(tx, run_id)
    if not tx.run("DELETE FROM tags WHERE run = ? AND key = ?", (run, key)):
        raise records.tag_not_found(f"run '{run_id}'", key)


def delete_tags(tx: Transaction, run: int, keys: Sequence[str]) -> None:
    """Delete those that are there."""
    member = tx.dialect.is_member("key")
    tx.run(f"DELETE FROM tags WHERE run = ? AND {member}", (run, tx.dialect.list_argument(keys)))


def append_to_list_tag(tx: Transaction, run_id: str, key: str, item: object) -> None:
    """Raises InvalidInput where the tag holds no list."""
    run = touch(tx, run_id)
    row = tx.row("SELECT value FROM tags WHERE run = ? AND key = ?", (run, key))
    _write_tags(tx, run, {key: records.extend_json_list(run_id, key, row[0] if row else None, item)})


def log_inputs(tx: Transaction, run_id: str, inputs: Sequence[DatasetInput]) -> None:
    """Link datasets, which are known by name and digest within the run's experiment."""
    run = touch(tx, run_id)
    row = tx.row("SELECT experiment FROM runs WHERE id = ?", (run,))
    assert row is not None
    for link in inputs:
        dataset = _dataset_number(tx, row[0], link)
        tx.run(
            "INSERT INTO inputs (run, dataset) VALUES (?, ?) ON CONFLICT (run, dataset) DO NOTHING",
            (run, dataset),
        )
        tx.run_many(
            "INSERT INTO input_tags (run, dataset, key, value) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (run, dataset, key) DO UPDATE SET value = excluded.value",
            [(run, dataset, tag.key, tag.value) for tag in link.tags],
        )


def _dataset_number(tx: Transaction, experiment: int, link: DatasetInput) -> int:
    found = link.dataset
    tx.run(
        "INSERT INTO datasets (experiment, name, digest, source_type, source, schema, profile) "
        "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (experiment, name, digest) DO NOTHING",
        (experiment, found.name, found.digest, found.source_type, found.source, found.schema, found.profile),
    )
    row = tx.row(
        "SELECT id FROM datasets WHERE experiment = ? AND name = ? AND digest = ?",
        (experiment, found.name, found.digest),
    )
    assert row is not None
    return int(row[0])


def last_number(tx: Transaction) -> int:
    """The greatest number of a run; about as many runs there are."""
    row = tx.row("SELECT max(id) FROM runs")
    return int((row and row[0]) or 0)
