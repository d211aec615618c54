"""Databricks, acted by modules of the same shape in a process of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

TagsOf = Callable[..., dict[str, str]]

REPL_CONTEXT = """
from types import SimpleNamespace

def get_context():
    return SimpleNamespace(**FACTS)

FACTS = dict(
    isInNotebook=True, isInJob=False, isInCluster=True,
    notebookId="123", notebookPath="/Users/ada@example.org/Train", clusterId="0601-182128-dcbte59m",
    jobGroupId="5_7", jobId=None, idInJob=None, jobTaskType=None,
    apiUrl="https://westeurope.azuredatabricks.net", workspaceId="42", aclPathOfAclRoot="/workspace/123",
    workspaceUrl="adb-42.azuredatabricks.net", browserHostName="adb-42.browser.net",
    mlflowGitRepoUrl=None, mlflowGitRepoCommit=None, mlflowGitRepoProvider=None, mlflowGitRelativePath=None,
    mlflowGitRepoReference=None, mlflowGitRepoReferenceType=None, mlflowGitRepoStatus=None,
)
FACTS.update(CHANGES)
"""
# A shell with a kernel whose user has `dbutils`, as it is on a driver. Options are those of Scala.
IPYTHON = """
from types import SimpleNamespace

class Option:
    def __init__(self, value): self.value = value
    def isDefined(self): return self.value is not None
    def get(self):
        if self.value is None: raise RuntimeError("java.util.NoSuchElementException: None.get")
        return self.value

class Options(dict):
    def get(self, key): return Option(super().get(key))

class CommandContext:
    def __getattr__(self, name):
        calls.append(name)
        if name in METHODS: return lambda: Option(METHODS[name])
        raise AttributeError(f"py4j.security.Py4JSecurityException: {name} is not allowed")
    def tags(self): return Options(TAGS)
    def extraContext(self): return Options(EXTRAS)

calls = []
java = SimpleNamespace(notebook=lambda: SimpleNamespace(getContext=CommandContext))
dbutils = SimpleNamespace(notebook=SimpleNamespace(entry_point=SimpleNamespace(getDbutils=lambda: java)))
shell = SimpleNamespace(kernel=object(), user_ns={"dbutils": dbutils})

def get_ipython():
    return shell
"""
SPARK = """
from types import SimpleNamespace

class SparkSession:
    @staticmethod
    def getActiveSession():
        return SimpleNamespace(conf=SimpleNamespace(get=lambda name, default: SETTINGS.get(name, default)))
"""
PRINT_NOTEBOOK_ID = "; from runstone.context.databricks import notebook_id; print(json.dumps(notebook_id()))"


@pytest.fixture
def repl(tmp_path: Path) -> Callable[..., None]:
    """Install `dbruntime` with a REPL context of these facts."""

    def write(**changes: object) -> None:
        package = tmp_path / "dbruntime"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "databricks_repl_context.py").write_text(f"CHANGES = {changes!r}\n{REPL_CONTEXT}")

    return write


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., None]:
    """Install an IPython whose user has `dbutils`; its context has these methods, tags and extra entries."""

    def write(methods: dict[str, str], tags: dict[str, str], extras: dict[str, str]) -> None:
        text = f"METHODS = {methods!r}\nTAGS = {tags!r}\nEXTRAS = {extras!r}\n{IPYTHON}"
        (tmp_path / "IPython.py").write_text(text)

    return write


@pytest.fixture
def on_databricks(tags_of: TagsOf, print_tags: str) -> Callable[..., dict[str, str]]:
    """The tags of a run in a process that Databricks started."""

    def run(before: str = "") -> dict[str, str]:
        return tags_of("-c", before + print_tags, DATABRICKS_RUNTIME_VERSION="15.4")

    return run


def databricks_tags(tags: dict[str, str]) -> dict[str, str]:
    prefix = "mlflow.databricks."
    return {key.removeprefix(prefix): value for key, value in tags.items() if key.startswith(prefix)}


def test_a_notebook_is_told_by_the_context_of_the_repl(
    on_databricks: Callable[..., dict[str, str]], repl: Callable[..., None]
) -> None:
    repl()
    tags = on_databricks()
    assert tags["mlflow.source.type"] == "NOTEBOOK"
    assert tags["mlflow.source.name"] == "/Users/ada@example.org/Train"
    assert databricks_tags(tags) == {
        "notebookID": "123",
        "notebookPath": "/Users/ada@example.org/Train",
        "notebook.commandID": "5_7",
        "cluster.id": "0601-182128-dcbte59m",
        "webappURL": "https://westeurope.azuredatabricks.net",
        "workspaceURL": "https://adb-42.azuredatabricks.net",
        "workspaceID": "42",
    }


def test_a_notebook_that_a_job_runs_is_a_job_and_keeps_its_notebook(
    on_databricks: Callable[..., dict[str, str]], repl: Callable[..., None]
) -> None:
    repl(isInJob=True, jobId="9", idInJob="77", jobTaskType="notebook")
    tags = on_databricks()
    assert tags["mlflow.source.type"] == "JOB"
    assert tags["mlflow.source.name"] == "jobs/9/run/77"
    told = databricks_tags(tags)
    assert (told["jobID"], told["jobRunID"], told["jobType"], told["notebookID"]) == (
        "9",
        "77",
        "notebook",
        "123",
    )


def test_a_job_whose_number_is_hidden_keeps_its_script_as_source(
    on_databricks: Callable[..., dict[str, str]], repl: Callable[..., None]
) -> None:
    repl(isInNotebook=False, isInJob=True)
    tags = on_databricks()
    assert (tags["mlflow.source.type"], tags["mlflow.source.name"]) == ("JOB", "<command>")


def test_a_repository_of_databricks_is_told(
    on_databricks: Callable[..., dict[str, str]], repl: Callable[..., None]
) -> None:
    repl(
        mlflowGitRepoUrl="https://example.org/a.git",
        mlflowGitRepoCommit="abc",
        mlflowGitRepoProvider="gitHub",
        mlflowGitRelativePath="nb/Train",
        mlflowGitRepoReference="main",
        mlflowGitRepoReferenceType="branch",
        mlflowGitRepoStatus="clean",
    )
    told = databricks_tags(on_databricks())
    assert {key: value for key, value in told.items() if key.startswith("git")} == {
        "gitRepoUrl": "https://example.org/a.git",
        "gitRepoCommit": "abc",
        "gitRepoProvider": "gitHub",
        "gitRepoRelativePath": "nb/Train",
        "gitRepoReference": "main",
        "gitRepoReferenceType": "branch",
        "gitRepoStatus": "clean",
    }


def test_an_older_runtime_tells_by_dbutils(
    on_databricks: Callable[..., dict[str, str]], command: Callable[..., None]
) -> None:
    command(
        methods={"aclPathOfAclRoot": "/workspace/123", "notebookPath": "/Train", "jobId": "9"},
        tags={
            "orgId": "42",
            "idInJob": "77",
            "jobTaskType": "notebook",
            "clusterId": "c-1",
            "browserHostName": "b.net",
        },
        extras={"api_url": "https://api.net"},
    )
    tags = on_databricks("import IPython; ")
    assert tags["mlflow.source.name"] == "jobs/9/run/77"
    assert databricks_tags(tags) == {
        "notebookID": "123",
        "notebookPath": "/Train",
        "jobID": "9",
        "jobRunID": "77",
        "jobType": "notebook",
        "cluster.id": "c-1",
        "webappURL": "https://api.net",
        "workspaceURL": "https://b.net",
        "workspaceID": "42",
    }


def test_the_jvm_is_not_asked_again_for_the_next_run(
    tags_of: TagsOf, command: Callable[..., None], print_tags: str
) -> None:
    command(methods={"aclPathOfAclRoot": "/workspace/123"}, tags={}, extras={})
    program = (
        f"import IPython; {print_tags}; count = len(IPython.calls); collect_tags(); "
        "print(json.dumps({'first': count, 'again': len(IPython.calls) - count}))"
    )
    counts = tags_of("-c", program, DATABRICKS_RUNTIME_VERSION="9.1")
    assert int(counts["first"]) > 0
    assert int(counts["again"]) == 0


def test_the_spark_session_tells_the_cluster_where_nothing_else_does(
    on_databricks: Callable[..., dict[str, str]], repl: Callable[..., None], tmp_path: Path
) -> None:
    repl(clusterId=None, workspaceUrl=None)
    settings = {
        "spark.databricks.clusterUsageTags.clusterId": "c-2",
        "spark.databricks.workspaceUrl": "spark.databricks.net",
    }
    (tmp_path / "pyspark").mkdir()
    (tmp_path / "pyspark" / "__init__.py").touch()
    (tmp_path / "pyspark" / "sql.py").write_text(f"SETTINGS = {settings!r}\n{SPARK}")
    told = databricks_tags(on_databricks("import pyspark.sql; "))
    assert (told["cluster.id"], told["workspaceURL"]) == ("c-2", "https://spark.databricks.net")


def test_a_script_on_a_cluster_without_a_repl_is_an_ordinary_script(
    on_databricks: Callable[..., dict[str, str]],
) -> None:
    tags = on_databricks()
    assert tags["mlflow.source.type"] == "LOCAL"
    assert databricks_tags(tags) == {}


def test_away_from_databricks_its_modules_are_not_touched(tags_of: TagsOf, tmp_path: Path, print_tags: str) -> None:
    (tmp_path / "dbruntime").mkdir()
    (tmp_path / "dbruntime" / "__init__.py").write_text("import os; os._exit(3)")
    assert databricks_tags(tags_of("-c", print_tags)) == {}


def test_the_notebooks_id_is_known_on_databricks_alone(
    tags_of: TagsOf, repl: Callable[..., None], print_tags: str
) -> None:
    repl(notebookId=123)
    program = print_tags + PRINT_NOTEBOOK_ID
    assert tags_of("-c", program, DATABRICKS_RUNTIME_VERSION="15.4") == json.loads('"123"')
    assert tags_of("-c", program) is None


def test_a_job_without_a_notebook_has_no_notebook_id(
    tags_of: TagsOf, repl: Callable[..., None], print_tags: str
) -> None:
    repl(isInNotebook=False, isInJob=True)
    assert tags_of("-c", print_tags + PRINT_NOTEBOOK_ID, DATABRICKS_RUNTIME_VERSION="15.4") is None
