"""RemoteModels: the suite over a server of ours, and what it alone can meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from runstone.errors import InvalidInput, NotFound
from runstone.remote.capabilities import Capabilities
from runstone.remote.tracking import RemoteTracking
from runstone.testing.tracking_models import ModelsSuite
from tests.remote.scripted import ScriptedServer, reply


class TestOverHttp(ModelsSuite):
    """The contract, over a server in its own process."""


def test_a_relative_source_is_sent_as_it_is_meant_here(
    tracking: RemoteTracking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tracking.models.create_registered_model("net")
    with pytest.raises(InvalidInput, match=f"'{(tmp_path / 'files').as_uri()}'"):
        tracking.models.create_model_version("net", "files")


def test_a_version_of_an_unknown_run_has_no_files() -> None:
    missing = reply(b'{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"}', 404)
    server = ScriptedServer(reply(b'{"artifact_uri": "runs:/gone/model"}'), missing)
    tracking = RemoteTracking(server.url)
    with pytest.raises(NotFound, match="no run"):
        tracking.models.open_version_artifacts("net", 1)
    tracking.close()
    server.close()


def test_an_old_server_tells_less_of_a_version() -> None:
    version = (
        b'{"name": "net", "version": "3", "creation_timestamp": "5", "last_updated_timestamp": 6,'
        b' "current_stage": "Staging", "source": "s3://b/m", "status": "READY"}'
    )
    server = ScriptedServer(reply(b'{"model_version": ' + version + b"}"))
    tracking = RemoteTracking(server.url, capabilities=Capabilities())
    found = tracking.models.get_model_version("net", 3)
    assert (found.version, found.current_stage, found.creation_timestamp) == ("3", "Staging", 5)
    assert (found.description, found.run_id, found.run_link, found.aliases) == ("", "", "", ())
    tracking.close()
    server.close()
