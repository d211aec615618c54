"""What rights cost a store: one argument for all grants, and no statement more; nothing for appends."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.access.gate import Gate, Owners
from runstone.access.granted import GrantedRights
from runstone.access.guarded import admit, guard
from runstone.entities.access import Level, Principal, Role
from runstone.stores.base import Write
from runstone.stores.sql.sqlite import SqliteDatabase
from runstone.stores.sql.store import SqlStore
from runstone.tracking.browsing import Browsing
from runstone.tracking.local import LocalTracking
from tests.stores.test_statements import Recorder

GRANTS = {str(number): Level.EDIT for number in range(1_000)}
MODELS = {f"model-{number}": Level.EDIT for number in range(1_000)}


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(SqliteDatabase(tmp_path / "runs.db"))


def _statements(recorder: Recorder, tracking: Browsing) -> int:
    recorder.statements.clear()
    tracking.search_experiments()
    tracking.search_runs(["0", "1"])
    tracking.models.search_registered_models()
    tracking.models.search_model_versions()
    tracking.list_changed_runs(0)
    return len(recorder.statements)


def test_a_thousand_grants_are_one_argument_and_no_statement(recorder: Recorder, tmp_path: Path) -> None:
    tracking = LocalTracking(SqlStore(recorder, tmp_path.as_uri()))
    tracking.create_run(tracking.create_experiment("one"))
    tracking.models.create_registered_model("model-1")
    rights = GrantedRights(Principal(user="ann", role=Role.EDITOR), GRANTS, MODELS)
    view = guard(tracking, Gate(rights, Owners(tracking)), lambda grant: None)
    plain = _statements(recorder, tracking)
    assert _statements(recorder, view) == plain
    assert max(len(arguments) for _, arguments in recorder.statements) < 20
    tracking.close()


def test_a_run_is_looked_up_once_and_then_costs_appends_nothing(recorder: Recorder, tmp_path: Path) -> None:
    tracking = LocalTracking(SqlStore(recorder, tmp_path.as_uri()))
    run_ids = [tracking.create_run("0").info.run_id for _ in range(50)]
    gate = Gate(GrantedRights(Principal(user="ann", role=Role.EDITOR), GRANTS), Owners(tracking))
    recorder.statements.clear()
    gate.check_runs(run_ids, Level.EDIT)
    assert len(recorder.statements) == 1
    for run_id in run_ids:
        admit(gate, Write(run_id=run_id, tags={"a": "b"}))
    assert len(recorder.statements) == 1
    tracking.close()
