"""Real MLflow clients, old and new, one after another against one server, as one team would use it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.environments import VERSIONS, find_mlflow
from tests.server.serving import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("client sessions")]

SESSION = Path(__file__).with_name("client_session.py")


def run_session(major: str, url: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONWARNINGS": "ignore",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    command = [str(find_mlflow(major)), str(SESSION), url, str(folder)]
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What each version's client saw, the oldest first, all on one server."""
    folder = tmp_path_factory.mktemp("sessions")
    server = RunningServer(folder / "store")
    try:
        yield {major: run_session(major, server.url, folder / major) for major in sorted(VERSIONS)}
    finally:
        server.close()


@pytest.fixture(params=sorted(VERSIONS))
def saw(request: pytest.FixtureRequest, sessions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What one of them saw."""
    return sessions[request.param]


def test_a_run_is_read_back_as_it_was_recorded(saw: dict[str, Any]) -> None:
    assert (saw["status"], saw["name"]) == ("FINISHED", "parent")
    assert saw["params"] == {"lr": "0.1", "depth": "3", "name": "ünïcode"}
    assert saw["tags"] == {"team": "blue", "stage": "first", "a": "1", "b": None}
    assert saw["metrics"] == {"accuracy": "0.5", "far": "inf", "loss": "0.05", "low": "-inf", "nothing": "nan"}
    assert saw["history"] == [[step, 1.0 / (step + 1)] for step in range(20)]
    assert saw["children"] == ["child"]


def test_files_go_through_the_server_both_ways(saw: dict[str, Any]) -> None:
    assert saw["proxied"] == "mlflow-artifacts"
    assert {"black.png", "config.json", "config.yaml", "figures", "texts", "tree"} <= set(saw["artifacts"])
    assert saw["figures"] == ["figures/curve.png"]
    assert saw["downloaded"] is True
    assert saw["text"] == "hello"


def test_a_dataset_is_kept_with_the_run(saw: dict[str, Any]) -> None:
    if not saw["version"].startswith("1."):  # 1.x has no datasets
        assert saw["dataset"] == ["two rows"]
        assert "table.json" in saw["artifacts"]


def test_search_pages_filters_and_frames(saw: dict[str, Any]) -> None:
    assert saw["pages"] == [6.0, 5.0, 4.0, 3.0, 2.0]
    assert saw["filtered"] == 1
    assert saw["frame"] == [9, True, True]


def test_deleting_and_restoring(saw: dict[str, Any]) -> None:
    assert (saw["deleted"], saw["restored"], saw["experiment"]) == ("deleted", "active", "active")
    for name in ("write to a deleted run", "run in a deleted experiment"):
        code, message = saw[name]
        assert code == "INVALID_PARAMETER_VALUE"
        assert "must be in the 'active' state" in message
    assert saw["experiment tags"] == "n"


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("changed param", "INVALID_PARAMETER_VALUE", "Changing param values is not allowed"),
        ("unknown run", "RESOURCE_DOES_NOT_EXIST", "not found"),
        ("taken name", "RESOURCE_ALREADY_EXISTS", "already exists"),
        ("bad filter", "INVALID_PARAMETER_VALUE", "at column 14"),
        ("bad token", "INVALID_PARAMETER_VALUE", "page token"),
    ],
)
def test_refusals_have_the_codes_and_words_of_mlflow(saw: dict[str, Any], name: str, code: str, words: str) -> None:
    assert saw[name][0] == code
    assert words in saw[name][1]


def test_models_are_logged_registered_and_loaded(saw: dict[str, Any]) -> None:
    assert saw["model"] is True
    assert (saw["registered"], saw["description"]) == ("me", "the first")
    assert saw["found models"] == [f"iris-{saw['version']}"]
    if not saw["version"].startswith("1."):  # aliases came with 2.x
        assert saw["alias"] == "1"
    if "autologged" in saw:
        params, has_files = saw["autologged"]
        assert (params, has_files) == ("200", True)


def test_old_and_new_clients_see_one_another(sessions: dict[str, dict[str, Any]]) -> None:
    first, *_, last = (sessions[major] for major in sorted(VERSIONS))
    assert f"session {first['version']}" in last["others"]
