"""The model registry over HTTP, as MLflow's clients of all versions ask for it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.server.conftest import Start
from tests.server.model_api import INVALID, MISSING, NO_MODEL, TAKEN, ModelApi
from tests.server.serving import API, FILES, Answer, RunningServer


@pytest.fixture
def api(server: RunningServer) -> ModelApi:
    return ModelApi(server)


# -- registered models


def test_a_registered_model_is_answered_as_mlflow_does(api: ModelApi) -> None:
    name = api.registered(tags=[{"key": "a", "value": "1"}], description="what")
    found = api.get("registered-models/get", name=name)["registered_model"]
    assert found == {
        "name": name,
        "creation_timestamp": found["creation_timestamp"],
        "last_updated_timestamp": found["creation_timestamp"],
        "description": "what",
        "tags": [{"key": "a", "value": "1"}],
    }


def test_a_name_is_changed_described_tagged_and_deleted(api: ModelApi) -> None:
    name = api.registered()
    new = f"{name}-new"
    assert api.post("registered-models/rename", {"name": name, "new_name": new})["registered_model"]["name"] == new
    body = {"name": new, "description": "it"}
    assert api.ask("PATCH", "registered-models/update", body)["registered_model"]["description"] == "it"
    api.post("registered-models/set-tag", {"name": new, "key": "k", "value": "v"})
    assert api.get("registered-models/get", name=new)["registered_model"]["tags"] == [{"key": "k", "value": "v"}]
    for _ in range(2):
        assert api.ask("DELETE", "registered-models/delete-tag", {"name": new, "key": "k"}) == {}
    assert "tags" not in api.get("registered-models/get", name=new)["registered_model"]
    assert api.ask("DELETE", "registered-models/delete", {"name": new}) == {}
    assert api.fault("DELETE", "registered-models/delete", {"name": new}) == (404, MISSING)


def test_a_delete_may_carry_its_arguments_in_the_url(api: ModelApi) -> None:
    name = api.registered()
    assert api.ask("DELETE", "registered-models/delete", name=name) == {}


@pytest.mark.parametrize("prefix", ["/api/2.0/preview/mlflow", "/ajax-api/2.0/mlflow", "/api/3.0/mlflow"])
def test_every_prefix_leads_to_the_registry(server: RunningServer, api: ModelApi, prefix: str) -> None:
    name = api.registered()
    answer = server.ask("GET", f"{prefix}/registered-models/get?name={name}")
    assert answer.json["registered_model"]["name"] == name


@pytest.mark.parametrize("name", ["a/b", "a:b", "", " ", "n" * 257])
def test_a_name_that_breaks_a_rule_is_refused(api: ModelApi, name: str) -> None:
    assert api.fault("POST", "registered-models/create", {"name": name}) == (400, INVALID)


def test_a_taken_name_is_refused(api: ModelApi) -> None:
    name, other = api.registered(), api.registered()
    assert api.fault("POST", "registered-models/create", {"name": name}) == (400, TAKEN)
    assert api.fault("POST", "registered-models/rename", {"name": other, "new_name": name}) == (400, TAKEN)


@pytest.mark.parametrize(
    ("verb", "path", "arguments"),
    [
        ("GET", "registered-models/get", {}),
        ("POST", "registered-models/rename", {"new_name": "x"}),
        ("PATCH", "registered-models/update", {}),
        ("DELETE", "registered-models/delete", {}),
        ("POST", "registered-models/set-tag", {"key": "k", "value": "v"}),
        ("DELETE", "registered-models/delete-tag", {"key": "k"}),
        ("POST", "registered-models/get-latest-versions", {}),
        ("POST", "registered-models/alias", {"alias": "a", "version": "1"}),
        ("DELETE", "registered-models/alias", {"alias": "a"}),
        ("GET", "registered-models/alias", {"alias": "a"}),
        ("POST", "model-versions/create", {"source": "s3://b/x"}),
        ("GET", "model-versions/get", {"version": "1"}),
        ("PATCH", "model-versions/update", {"version": "1"}),
        ("POST", "model-versions/transition-stage", {"version": "1", "stage": "Staging"}),
        ("DELETE", "model-versions/delete", {"version": "1"}),
        ("GET", "model-versions/get-download-uri", {"version": "1"}),
        ("POST", "model-versions/set-tag", {"version": "1", "key": "k"}),
        ("DELETE", "model-versions/delete-tag", {"version": "1", "key": "k"}),
    ],
)
def test_what_is_not_there_is_404(api: ModelApi, verb: str, path: str, arguments: dict[str, str]) -> None:
    if verb == "GET":
        assert api.fault(verb, path, name="nope", **arguments) == (404, MISSING)
    else:
        assert api.fault(verb, path, {"name": "nope", **arguments}) == (404, MISSING)


def test_a_field_that_lacks_is_named(api: ModelApi) -> None:
    answer = api.raw("GET", "model-versions/get", name="x")
    assert (answer.status, answer.code) == (400, INVALID)
    assert "Missing value for required parameter 'version'" in answer.message


# -- versions


def test_a_version_is_answered_as_mlflow_does(api: ModelApi, run_id: str) -> None:
    name = api.registered()
    source = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    version = api.version(name, source, run_id=run_id, run_link="http://x", tags=[{"key": "a", "value": "1"}])
    assert version == {
        "name": name,
        "version": "1",
        "creation_timestamp": version["creation_timestamp"],
        "last_updated_timestamp": version["creation_timestamp"],
        "current_stage": "None",
        "description": "",
        "source": source,
        "run_id": run_id,
        "run_link": "http://x",
        "status": "READY",
        "tags": [{"key": "a", "value": "1"}],
    }
    assert api.get("model-versions/get", name=name, version=1)["model_version"] == version
    assert api.get("registered-models/get", name=name)["registered_model"]["latest_versions"] == [version]
    assert api.get("model-versions/get-download-uri", name=name, version=1) == {"artifact_uri": source}


def test_a_version_is_described_tagged_and_deleted(api: ModelApi) -> None:
    name = api.registered()
    api.version(name)
    one = {"name": name, "version": "1"}
    described = api.ask("PATCH", "model-versions/update", {**one, "description": "it"})
    assert described["model_version"]["description"] == "it"
    api.post("model-versions/set-tag", {**one, "key": "k", "value": "v"})
    assert api.get("model-versions/get", **one)["model_version"]["tags"] == [{"key": "k", "value": "v"}]
    assert api.ask("DELETE", "model-versions/delete-tag", {**one, "key": "k"}) == {}
    assert api.ask("DELETE", "model-versions/delete", one) == {}
    assert api.fault("GET", "model-versions/get", **one) == (404, MISSING)
    assert api.version(name)["version"] == "2"


def test_stages_are_changed_and_their_latest_versions_listed(api: ModelApi) -> None:
    name = api.registered()
    for _ in range(3):
        api.version(name)
    move = {"name": name, "stage": "production"}
    assert api.post("model-versions/transition-stage", {**move, "version": "1"})["model_version"]["current_stage"] == (
        "Production"
    )
    api.post("model-versions/transition-stage", {**move, "version": "2", "archive_existing_versions": True})

    def stages(answer: Any) -> dict[str, str]:
        return {one["current_stage"]: one["version"] for one in answer["model_versions"]}

    everything = {"Archived": "1", "Production": "2", "None": "3"}
    assert stages(api.get("registered-models/get-latest-versions", name=name)) == everything
    assert stages(api.post("registered-models/get-latest-versions", {"name": name})) == everything
    some = ["archived", "None"]
    assert stages(api.get("registered-models/get-latest-versions", name=name, stages=some)) == {
        "Archived": "1",
        "None": "3",
    }
    assert api.post("registered-models/get-latest-versions", {"name": name, "stages": ["Staging"]}) == {}
    body = {"name": name, "stages": ["Nowhere"]}
    assert api.fault("POST", "registered-models/get-latest-versions", body) == (400, INVALID)


@pytest.mark.parametrize(
    "change", [{"stage": "Nowhere"}, {}, {"stage": "None", "archive_existing_versions": True}], ids=str
)
def test_a_stage_that_does_not_exist_is_refused(api: ModelApi, change: dict[str, Any]) -> None:
    name = api.registered()
    api.version(name)
    body = {"name": name, "version": "1", **change}
    assert api.fault("POST", "model-versions/transition-stage", body) == (400, INVALID)


def test_an_alias_leads_to_a_version(api: ModelApi) -> None:
    name = api.registered()
    api.version(name)
    api.version(name)
    api.post("registered-models/alias", {"name": name, "alias": "best", "version": "1"})
    api.post("registered-models/alias", {"name": name, "alias": "best", "version": "2"})
    found = api.get("registered-models/alias", name=name, alias="best")["model_version"]
    assert (found["version"], found["aliases"]) == ("2", ["best"])
    model = api.get("registered-models/get", name=name)["registered_model"]
    assert model["aliases"] == [{"alias": "best", "version": "2"}]
    for _ in range(2):
        assert api.ask("DELETE", "registered-models/alias", {"name": name, "alias": "best"}) == {}
    answer = api.raw("GET", "registered-models/alias", name=name, alias="best")
    assert (answer.status, answer.code) == (400, INVALID)  # MLflow's code for this one
    assert "Registered model alias best not found" in answer.message


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V22", "a b", "a.b", "", "a" * 256])
def test_an_alias_that_could_be_mistaken_is_refused(api: ModelApi, alias: str) -> None:
    name = api.registered()
    api.version(name)
    body = {"name": name, "alias": alias, "version": "1"}
    assert api.fault("POST", "registered-models/alias", body) == (400, INVALID)


@pytest.mark.parametrize("version", ["x", "1.5", "-1", ""])
def test_a_version_that_is_no_number_is_refused(api: ModelApi, version: str) -> None:
    assert api.fault("GET", "model-versions/get", name="any", version=version) == (400, INVALID)


# -- where a version's files are


@pytest.mark.parametrize(
    "source",
    [
        "",
        "/etc/passwd",
        "file:///etc",
        "folder",
        "s3://bucket/../x",
        "s3://bucket/%2e%2e/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts:/0/other/artifacts",
        "runs:/other/model",
        "http://169.254.169.254/x",
        "models:/rubbish",
        f"models:/{NO_MODEL}",
    ],
)
def test_a_source_that_is_not_the_runs_is_refused(api: ModelApi, run_id: str, source: str) -> None:
    body = {"name": api.registered(), "source": source, "run_id": run_id}
    assert api.fault("POST", "model-versions/create", body) == (400, INVALID)


def test_a_source_in_other_storage_is_taken_as_it_is(api: ModelApi) -> None:
    assert api.version(api.registered(), "s3://bucket/m", run_id="f" * 32)["source"] == "s3://bucket/m"


def test_a_version_of_a_version_has_its_files_and_its_run(api: ModelApi, run_id: str) -> None:
    name, copy = api.registered(), api.registered()
    location = f"mlflow-artifacts:/0/{run_id}/artifacts/model"
    api.version(name, location, run_id=run_id)
    api.post("registered-models/alias", {"name": name, "alias": "best", "version": "1"})
    for number, source in enumerate((f"models:/{name}/1", f"models:/{name}@best", f"models:/{name}/latest"), 1):
        version = api.version(copy, source)
        assert (version["source"], version["run_id"]) == (source, run_id)
        answer = api.get("model-versions/get-download-uri", name=copy, version=number)
        assert answer == {"artifact_uri": location}
    body = {"name": copy, "source": f"models:/{name}/9"}
    assert api.fault("POST", "model-versions/create", body) == (404, MISSING)


def test_a_version_of_a_logged_model_has_its_files_and_its_run(api: ModelApi, run_id: str) -> None:
    name, info = api.registered(), api.logged(source_run_id=run_id)
    model_id = info["model_id"]
    version = api.version(name, f"models:/{model_id}", model_id=model_id)
    assert (version["run_id"], version["model_id"]) == (run_id, model_id)
    answer = api.get("model-versions/get-download-uri", name=name, version=1)
    assert answer == {"artifact_uri": info["artifact_uri"]}
    assert api.version(name, info["artifact_uri"], model_id=model_id)["version"] == "2"
    body = {"name": name, "source": f"models:/{model_id}"}
    assert api.fault("POST", "model-versions/create", body) == (400, INVALID)
    body = {"name": name, "source": "s3://b/x", "model_id": NO_MODEL}
    assert api.fault("POST", "model-versions/create", body) == (404, MISSING)


@pytest.mark.parametrize("source", ["mlflow-artifacts:/0/{run_id}/artifacts/model", "runs:/{run_id}/model"])
def test_a_versions_files_can_be_downloaded(server: RunningServer, api: ModelApi, run_id: str, source: str) -> None:
    server.ask("PUT", f"{FILES}/0/{run_id}/artifacts/model/MLmodel", b"flavors: {}")
    name = api.registered()
    api.version(name, source.format(run_id=run_id), run_id=run_id)

    def download(path: str) -> Answer:
        return server.ask(
            "GET", f"/model-versions/get-artifact?{urlencode({'name': name, 'version': 1, 'path': path})}"
        )

    found = download("MLmodel")
    assert (found.status, found.body) == (200, b"flavors: {}")
    assert found.headers["Content-Disposition"].startswith("attachment")
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert download("nope").status == 404
    for path in ("../model/MLmodel", "%2e%2e/x", "/etc/passwd", ""):
        assert (download(path).status, download(path).code) == (400, INVALID)


# -- searching the registry


def test_the_registry_is_searched_ordered_and_paged(api: ModelApi) -> None:
    names = [api.registered(tags=[{"key": "team", "value": team}]) for team in ("x", "y", "x")]
    mine = f"name IN ({', '.join(map(repr, names))})"

    def found(**query: Any) -> list[str]:
        answer = api.get("registered-models/search", **query)
        return [model["name"] for model in answer.get("registered_models", [])]

    assert found(filter=mine) == sorted(names)
    assert found(filter=f"{mine} and tags.team = 'x'") == [names[0], names[2]]
    assert found(filter=mine, order_by=["timestamp DESC", "name"]) == found(
        filter=mine, order_by="last_updated_timestamp DESC"
    )
    assert found(filter=mine, order_by=["name DESC"]) == sorted(names, reverse=True)
    page = api.get("registered-models/search", filter=mine, max_results=2)
    assert found(filter=mine, max_results=2, page_token=page["next_page_token"]) == sorted(names)[2:]
    assert api.fault("GET", "registered-models/search", filter=mine, page_token="rubbish") == (400, INVALID)
    assert api.fault("GET", "registered-models/search", filter="nothing = 'x'") == (400, INVALID)
    assert api.fault("GET", "registered-models/search", max_results=-1) == (400, INVALID)


def test_models_are_no_prompts(api: ModelApi) -> None:
    # MLflow 2.21 and later add this to every search for models.
    name = api.registered()
    asked = f"name = '{name}' AND tags.`mlflow.prompt.is_prompt` != 'true'"
    assert len(api.get("registered-models/search", filter=asked)["registered_models"]) == 1
    api.post("registered-models/set-tag", {"name": name, "key": "mlflow.prompt.is_prompt", "value": "true"})
    assert api.get("registered-models/search", filter=asked) == {}


def test_the_list_of_old_clients_is_a_search(api: ModelApi) -> None:
    api.registered()
    assert len(api.get("registered-models/list", max_results=1)["registered_models"]) == 1


def test_versions_are_searched_and_ordered(api: ModelApi, run_id: str) -> None:
    name = api.registered()
    api.version(name, f"runs:/{run_id}/m", run_id=run_id)
    api.version(name)

    def found(**query: Any) -> list[str]:
        answer = api.get("model-versions/search", **query)
        return [version["version"] for version in answer.get("model_versions", [])]

    assert found(filter=f"run_id = '{run_id}'") == ["1"]
    assert found(filter=f"name = '{name}'", order_by=["version_number ASC"]) == ["1", "2"]
    assert found(filter=f"name = '{name}'", order_by=["creation_timestamp DESC"], max_results=200_000) == ["2", "1"]
    assert found(filter=f"name = '{name}' and version_number > 1") == ["2"]
    assert found(filter=f"name = '{name}' and source_path = 's3://bucket/m'") == ["2"]


# -- the server's options


def test_a_read_only_server_changes_no_model(start_server: Start) -> None:
    with_model = start_server()
    name = ModelApi(with_model).registered()
    with_model.stop()
    api = ModelApi(start_server("--read-only"))
    assert api.get("registered-models/get", name=name)["registered_model"]["name"] == name
    assert api.fault("DELETE", "registered-models/delete", {"name": name}) == (403, "PERMISSION_DENIED")
    assert api.fault("POST", "logged-models", {"experiment_id": "0"}) == (403, "PERMISSION_DENIED")


def test_a_server_without_proxied_files_takes_sources_within_a_run(start_server: Start) -> None:
    server = start_server("--no-serve-artifacts")
    api = ModelApi(server)
    run = server.post("runs/create", {"experiment_id": "0"}).json["run"]["info"]
    name = api.registered()
    source = f"{run['artifact_uri']}/model"
    assert source.startswith("file:")
    assert api.version(name, source, run_id=run["run_id"])["version"] == "1"
    assert api.get("model-versions/get-download-uri", name=name, version=1) == {"artifact_uri": source}
    for outside in (f"{run['artifact_uri']}/../other", "file:///etc", run["artifact_uri"] + "-other"):
        body = {"name": name, "source": outside, "run_id": run["run_id"]}
        assert api.fault("POST", "model-versions/create", body) == (400, INVALID)


def test_the_routes_of_models_stand_in_the_openapi_document(server: RunningServer) -> None:
    document = json.loads(server.ask("GET", "/api/runstone/v1/openapi.json").body)
    alias = document["paths"][f"{API}/registered-models/alias"]
    assert sorted(alias) == ["delete", "get", "post"]
    parameters = document["paths"][f"{API}/logged-models/{{model_id}}"]["get"]["parameters"]
    assert [(one["name"], one["in"]) for one in parameters] == [("model_id", "path")]
