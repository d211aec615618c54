"""A run's files, as it records them. Each function starts a run where none is active."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from runstone.artifacts.uris import join_uri
from runstone.fluent.choices import choices
from runstone.fluent.experiments import experiment_of_new_runs
from runstone.fluent.runs import active_run, client_and_run_id, start_run

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "get_artifact_uri",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_audio",
    "log_dict",
    "log_figure",
    "log_histogram",
    "log_image",
    "log_stream",
    "log_table",
    "log_text",
    "log_video",
]


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


def log_stream(stream: BinaryIO, artifact_file: str, run_id: str | None = None) -> None:
    """Store what a binary stream yields as a file, without holding it in memory."""
    client, run_id = client_and_run_id(run_id)
    client.log_stream(run_id, stream, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Store a figure of matplotlib or plotly, in the format that the file's name asks for (`.png`, `.svg`, `.html`).

    `save_kwargs` go to the library's own function.
    """
    client, run_id = client_and_run_id()
    client.log_figure(run_id, figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> None:
    """Store an image: as the file `artifact_file`, or under `key` at `step` (default: 0), with a small copy.

    An array of shape (height, width) or (height, width, 1, 3 or 4), a tensor, an image of Pillow, or the path of a
    file. What has a key is stored soon after, unless `synchronous`.
    """
    client, run_id = client_and_run_id()
    client.log_image(run_id, image, artifact_file, key, step, timestamp, synchronous)


def log_audio(
    audio: Any, key: str, step: int | None = None, *, sample_rate: int = 44100, synchronous: bool | None = None
) -> None:
    """Store a sound under `key` at `step`: a local file as it is, or samples (floats from -1 to 1, int16) as WAV."""
    client, run_id = client_and_run_id()
    client.log_audio(run_id, audio, key, step, sample_rate=sample_rate, synchronous=synchronous)


def log_video(
    video: str | os.PathLike[str], key: str, step: int | None = None, *, synchronous: bool | None = None
) -> None:
    """Store a local video file under `key` at `step`."""
    client, run_id = client_and_run_id()
    client.log_video(run_id, video, key, step, synchronous=synchronous)


def log_histogram(
    values: Any, key: str, step: int | None = None, *, bins: int = 64, synchronous: bool | None = None
) -> None:
    """Store how the numbers of an array or tensor are distributed, under `key` at `step`."""
    client, run_id = client_and_run_id()
    client.log_histogram(run_id, values, key, step, bins=bins, synchronous=synchronous)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Store a table, or append its rows where there is one: a dictionary of columns, or a data frame.

    As JSON, or as Parquet for `.parquet`.
    """
    client, run_id = client_and_run_id(run_id)
    client.log_table(run_id, data, artifact_file)


def load_table(
    artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The rows of that table from all runs of the current experiment that have it, or from `run_ids`.

    `extra_columns`: `run_id`, or what else a row of `search_runs` has, as columns. Raises NotFound.
    """
    client = choices.client()
    return client.load_table(experiment_of_new_runs(client), artifact_file, run_ids, extra_columns)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The URI of the active run's artifacts, or of one path among them."""
    run = active_run() or start_run()
    return join_uri(run.info.artifact_uri, artifact_path or "")
