"""A run's files, as it records them. Each function starts a run where none is active."""

from __future__ import annotations

import os
from typing import Any

from runstone.artifacts.uris import join_uri
from runstone.fluent.runs import active_run, client_and_run_id, start_run

__all__ = ["get_artifact_uri", "log_artifact", "log_artifacts", "log_dict", "log_text"]


def log_artifact(
    local_path: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store a local file, or a folder under its own name, in the run's folder `artifact_path` (default: the top)."""
    client, run_id = client_and_run_id(run_id)
    client.log_artifact(run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: str | os.PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Store all that is in a local folder, in the run's folder `artifact_path` (default: the top)."""
    client, run_id = client_and_run_id(run_id)
    client.log_artifacts(run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Store a text as a file (UTF-8)."""
    client, run_id = client_and_run_id(run_id)
    client.log_text(run_id, text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a dictionary as a file: YAML for `.yaml` and `.yml`, else JSON."""
    client, run_id = client_and_run_id(run_id)
    client.log_dict(run_id, dictionary, artifact_file)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The URI of the active run's artifacts, or of one path among them."""
    run = active_run() or start_run()
    return join_uri(run.info.artifact_uri, artifact_path or "")
