"""The notebook, job, cluster and repository that Databricks runs this process for.

Databricks tells them in three ways, asked in this order: the context of the REPL (`dbruntime`), the command
context behind `dbutils` (calls into the JVM), the settings of the Spark session. Elsewhere nothing is
imported or asked: the `dbutils` of Databricks' SDK would go to the network.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import runstone.tag_names as tag_names
from runstone.context import notebook
from runstone.entities.words import SourceType

__all__ = ["DatabricksContext", "notebook_id"]

# The facts' names are those of the REPL context.
_NOTEBOOK_FACTS = {
    tag_names.SOURCE_NAME: "notebookPath",
    tag_names.DATABRICKS_NOTEBOOK_PATH: "notebookPath",
}
_JOB_FACTS = {
    tag_names.DATABRICKS_JOB_ID: "jobId",
    tag_names.DATABRICKS_JOB_RUN_ID: "idInJob",
    tag_names.DATABRICKS_JOB_TYPE: "jobTaskType",
}
_PLACE_FACTS = {
    tag_names.DATABRICKS_WEBAPP_URL: "apiUrl",
    tag_names.DATABRICKS_WORKSPACE_ID: "workspaceId",
    tag_names.DATABRICKS_GIT_REPO_URL: "mlflowGitRepoUrl",
    tag_names.DATABRICKS_GIT_REPO_COMMIT: "mlflowGitRepoCommit",
    tag_names.DATABRICKS_GIT_REPO_PROVIDER: "mlflowGitRepoProvider",
    tag_names.DATABRICKS_GIT_REPO_RELATIVE_PATH: "mlflowGitRelativePath",
    tag_names.DATABRICKS_GIT_REPO_REFERENCE: "mlflowGitRepoReference",
    tag_names.DATABRICKS_GIT_REPO_REFERENCE_TYPE: "mlflowGitRepoReferenceType",
    tag_names.DATABRICKS_GIT_REPO_STATUS: "mlflowGitRepoStatus",
}
# Where the command context keeps a fact under another name: among its tags, or its extra entries.
_COMMAND_TAGS = {"workspaceId": "orgId"}
_COMMAND_EXTRAS = {
    "notebookPath": "notebook_path",
    "apiUrl": "api_url",
    "aclPathOfAclRoot": "aclPathOfAclRoot",
}


class DatabricksContext:
    """All that is known of the notebook, job, cluster and repository."""

    def in_context(self) -> bool:
        """Whether this machine belongs to a Databricks cluster."""
        return _on_databricks()

    def tags(self) -> dict[str, Any]:
        """Tags named `mlflow.databricks.*`, source name and type. A notebook that a job runs is a job."""
        tags: dict[str, Any] = {
            tag_names.DATABRICKS_CLUSTER_ID: _cluster_id(),
            # It changes with every cell, and only the REPL context tells it without a call into the JVM.
            tag_names.DATABRICKS_COMMAND_ID: getattr(_repl_context(), "jobGroupId", None),
        }
        if _in_notebook():
            tags |= {**_notebook_tags(), **_place_tags()}
        if _in_job():
            tags |= {**_job_tags(), **_place_tags()}
        return tags


def notebook_id() -> str | None:
    """The id of the Databricks notebook that runs this code, or None. Its experiment has the same id."""
    if not (_on_databricks() and _in_notebook()):
        return None
    number = _fact("notebookId") or _acl_path().rpartition("/")[2]
    return str(number) if number else None


def _notebook_tags() -> dict[str, Any]:
    return _facts(_NOTEBOOK_FACTS) | {
        tag_names.SOURCE_TYPE: SourceType.NOTEBOOK.value,
        tag_names.DATABRICKS_NOTEBOOK_ID: notebook_id(),
    }


def _job_tags() -> dict[str, Any]:
    tags = _facts(_JOB_FACTS) | {tag_names.SOURCE_TYPE: SourceType.JOB.value}
    job, run = _fact("jobId"), _fact("idInJob")
    if job and run:
        tags[tag_names.SOURCE_NAME] = f"jobs/{job}/run/{run}"
    return tags


def _place_tags() -> dict[str, Any]:
    return _facts(_PLACE_FACTS) | {tag_names.DATABRICKS_WORKSPACE_URL: _workspace_url()}


def _on_databricks() -> bool:
    # The file is for containers of the user's own making, which lack the variables.
    return (
        "DATABRICKS_RUNTIME_VERSION" in os.environ
        or "DATABRICKS_ENV_VERSION" in os.environ
        or Path("/databricks/DBR_VERSION").exists()
    )


def _in_notebook() -> bool:
    told = getattr(_repl_context(), "isInNotebook", None)
    return bool(told) if told is not None else _acl_path().startswith("/workspace")


def _in_job() -> bool:
    told = getattr(_repl_context(), "isInJob", None)
    return bool(told) if told is not None else bool(_fact("jobId") and _fact("idInJob"))


def _acl_path() -> str:
    """`/workspace/123` for the notebook 123; another path, or none, for what is no notebook."""
    return str(_fact("aclPathOfAclRoot") or "")


def _cluster_id() -> Any:
    return _fact("clusterId") or _spark_setting("spark.databricks.clusterUsageTags.clusterId")


def _workspace_url() -> str | None:
    host = _fact("workspaceUrl") or _spark_setting("spark.databricks.workspaceUrl") or _fact("browserHostName")
    url = host or _fact("apiUrl")
    if not url:
        return None
    return str(url) if "://" in str(url) else f"https://{url}"


def _facts(names: dict[str, str]) -> dict[str, Any]:
    return {tag: value for tag, name in names.items() if (value := _fact(name)) is not None}


def _fact(name: str) -> Any:
    """One fact. What the REPL context has, be it None, is not asked for elsewhere."""
    context = _repl_context()
    return getattr(context, name) if hasattr(context, name) else _command_fact(name)


def _repl_context() -> Any:
    get_context = _repl_context_getter()
    return _or_none(get_context) if get_context else None


@functools.cache
def _repl_context_getter() -> Any:
    return _or_none(lambda: importlib.import_module("dbruntime.databricks_repl_context").get_context)


# Each answer costs calls into the JVM, and is the same for the life of the REPL's process.
@functools.cache
def _command_fact(name: str) -> Any:
    context = _or_none(_command_context)
    if context is None:
        return None
    value = _or_none(lambda: getattr(context, name)().get())
    if value is None:
        value = _or_none(lambda: context.tags().get(_COMMAND_TAGS.get(name, name)).get())
    if value is None and name in _COMMAND_EXTRAS:
        value = _or_none(lambda: context.extraContext().get(_COMMAND_EXTRAS[name]).get())
    return value


def _command_context() -> Any:
    dbutils = notebook.get_shell().user_ns["dbutils"]
    return dbutils.notebook.entry_point.getDbutils().notebook().getContext()


def _spark_setting(name: str) -> Any:
    """A setting of the Spark session of this process, if one has been made already."""
    spark = sys.modules.get("pyspark.sql")
    return _or_none(lambda: spark.SparkSession.getActiveSession().conf.get(name, None)) if spark else None


def _or_none(read: Callable[[], Any]) -> Any:
    # What is missing, or forbidden on a shared cluster, shows as an ImportError, an AttributeError or an
    # exception of the JVM's bridge: each only means that this way does not tell.
    try:
        return read()
    except Exception:  # noqa: BLE001
        return None
