"""`runstone doctor`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from runstone.client import Client
from runstone.connect import open_store
from runstone.entities.access import Role
from runstone.stores.access import UserRecord
from tests.cli.conftest import Command
from tests.cli.recording import Programs, spool_of


@pytest.fixture
def findings(read_json: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """What the doctor finds, by name."""

    def run(*options: str, code: int = 0) -> dict[str, Any]:
        answer = read_json(*options, "doctor", code=code)
        assert answer["is_well"] is (code == 0)
        return {finding["name"]: finding for finding in answer["findings"]}

    return run


def test_all_is_well_in_a_new_folder_and_stays_as_it_was(folder: Path, runstone_command: Command) -> None:
    text = runstone_command("doctor").stdout
    assert "All is well" in text
    assert "a new home" in text
    assert not (folder / ".runstone").exists()


def test_it_says_where_it_records_and_why(
    folder: Path, client: Client, findings: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "the home in the working directory" in findings()["records in"]["text"]
    assert findings()["database"]["status"] == "ok"
    (folder / "sub").mkdir()
    monkeypatch.chdir(folder / "sub")
    assert "the nearest home upwards" in findings()["records in"]["text"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "elsewhere")
    assert findings()["records in"]["text"] == "elsewhere, as the environment variable MLFLOW_TRACKING_URI says"
    assert findings("-u", "there")["records in"]["text"] == "there, as given by --tracking-uri"


def test_settings_in_force_are_shown_with_their_variable_and_without_secrets(
    findings: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "digits")
    monkeypatch.setenv("RUNSTONE_QUIET", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hidden-password")
    found = findings()
    assert found["MLFLOW_EXPERIMENT_NAME"]["text"] == "digits (read as RUNSTONE_EXPERIMENT_NAME)"
    assert found["RUNSTONE_QUIET"]["text"] == "True"
    assert "hidden-password" not in str(found)
    assert "***" in found["MLFLOW_TRACKING_PASSWORD"]["text"]


def test_a_setting_that_cannot_be_read_is_wrong(
    findings: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTONE_QUIET", "perhaps")
    assert findings(code=1)["RUNSTONE_QUIET"]["status"] == "error"


def test_a_damaged_database_is_wrong(
    folder: Path, client: Client, findings: Callable[..., dict[str, Any]], runstone_command: Command
) -> None:
    client.tracking.close()
    (folder / ".runstone/runstone.db").write_bytes(b"text" * 2000)
    assert "damaged" in findings(code=1)["database"]["text"]
    assert "1 problem" in runstone_command("doctor", code=1).stdout


def test_a_uri_that_means_nothing_is_wrong(findings: Callable[..., dict[str, Any]]) -> None:
    assert findings("-u", "ftp://x", code=1)["records in"]["status"] == "error"


def test_a_server_that_does_not_answer_is_wrong_and_its_password_hidden(
    findings: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTONE_HTTP_REQUEST_MAX_RETRIES", "0")
    found = findings("-u", "http://ada:hidden-password@127.0.0.1:1", code=1)
    assert found["server"]["status"] == "error"
    assert "hidden-password" not in str(found)


def test_the_journal_is_named_with_what_waits_in_it_and_what_was_set_aside(
    folder: Path, state_folder: Path, findings: Callable[..., dict[str, Any]], environment: dict[str, str]
) -> None:
    journal = folder / ".runstone/journal"
    assert findings()["journal"]["text"] == f"{journal}, 0 B, 0 records waiting"
    assert not journal.exists()
    Programs(folder, environment).train(10)
    assert findings()["journal"]["status"] == "ok"
    assert ", 14 records waiting" in findings()["journal"]["text"]
    spool = spool_of(journal)
    spool.rename(f"{spool}.damaged")
    assert findings()["journal"]["status"] == "warning"
    assert "1 folder set aside, see `runstone journal`" in findings()["journal"]["text"]
    assert f"{state_folder}/runstone/journal" in findings("-u", "http://127.0.0.1:1", code=1)["journal"]["text"]


def test_optional_packages_are_named(findings: Callable[..., dict[str, Any]]) -> None:
    assert findings()["scikit-learn"]["text"]


def test_what_is_open_in_a_store_is_told(
    folder: Path, client: Client, read_json: Callable[..., Any], runstone_command: Command
) -> None:
    home = folder / ".runstone"

    def look(code: int = 0) -> dict[str, Any]:
        return {one["name"]: one for one in read_json("doctor", "--security", code=code)["findings"]}

    home.chmod(0o750)
    assert look()["database file"]["status"] == "ok"
    assert "answers everybody" in look()["users"]["text"]
    home.chmod(0o755)
    assert look()["database file"]["status"] == "warning"
    home.chmod(0o777)
    assert look(code=1)["database file"]["status"] == "error"
    home.chmod(0o750)

    with closing(open_store(str(home))) as store:
        store.access.create_user(UserRecord(name="ann", role=Role.ADMIN))
    runstone_command("tokens", "create", "ann", "--scope", "admin")
    runstone_command("grants", "set", "read", "-e", "Default", "--everyone")
    found = look()
    assert found["users"] == {"name": "users", "status": "ok", "text": "1, of whom admins: ann"}
    assert found["tokens"]["status"] == "warning"
    assert found["grants"]["text"] == "1 grant to everyone"


def test_a_model_code_setting_that_is_on_is_told(
    read_json: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNSTONE_ALLOW_MODEL_CODE", "1")
    assert read_json("doctor", "--security")["findings"][0]["name"] == "RUNSTONE_ALLOW_MODEL_CODE"
