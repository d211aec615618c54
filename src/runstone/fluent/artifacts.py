"""Files of runs, found by run or by URI: what MLflow's users call as `mlflow.artifacts.*`.

A URI is `runs:/RUN_ID/path`, or that of any artifact store: a path, `file:///path`, a plug-in's scheme.
"""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from runstone.artifacts.base import ArtifactStore
from runstone.artifacts.transfer import fetch
from runstone.artifacts.uris import open_artifact_store
from runstone.client import Client
from runstone.entities import FileInfo
from runstone.errors import InvalidInput
from runstone.fluent.choices import choices
from runstone.tracking.documents import load_dict as read_dict

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_text"]
