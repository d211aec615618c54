"""What a client records as files of a run besides those on disk: figures, images, sounds, histograms, tables.

Names and layout are MLflow's, so that its UI and clients read them. Files of a step are kept in the journal and
stored from there, so that a training loop does not wait for them.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import msgspec

from runstone import tag_names
from runstone.entities import ViewType
from runstone.errors import InvalidInput, NotFound
from runstone.journal.tracking import JournaledTracking
from runstone.media.figures import encode_figure
from runstone.media.histograms import histogram_of
from runstone.media.images import encode_image, encode_thumbnail
from runstone.media.names import stepped_path, thumbnail_path
from runstone.media.sounds import encode_sound
from runstone.media.tables import append_rows, decode_table, encode_table, table_of, take_images
from runstone.naming import now_ms
from runstone.validation import metric_whole_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FileRecorder"]

_IMAGES, _SOUNDS, _VIDEOS, _HISTOGRAMS = "images", "audio", "videos", "histograms"
_PAGE = 1000


class FileRecorder:
    """The part of a Client that makes files of what a script has at hand. `tracking` takes them."""

    @property
    def tracking(self) -> JournaledTracking:
        """Where the files go."""
        raise NotImplementedError

    def log_stream(self, run_id: str, stream: BinaryIO, artifact_file: str) -> None:
        """Store what a binary stream yields, without holding it in memory."""
        self.tracking.open_artifacts(run_id).put_stream(stream, artifact_file)

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Store a figure of matplotlib or plotly, in the format that the file's name asks for (`.png`, `.html`)."""
        self._store(run_id, encode_figure(figure, artifact_file, save_kwargs), artifact_file)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Store an image: as the file `artifact_file`, or under `key` at `step` (default: 0) with a small copy.

        See `Image` for what may be given. What has a key is stored soon, unless `synchronous`. `timestamp` is in ms.
        """
        if (artifact_file is None) == (key is None):
            raise InvalidInput("Name the image by artifact_file or by key: exactly one of them")
        if artifact_file is not None:
            if step is not None or timestamp is not None:
                raise InvalidInput("An image with a step or a timestamp needs a key instead of artifact_file")
            self._store(run_id, encode_image(image, artifact_file), artifact_file)
            return
        path = _stepped(_IMAGES, key, step, timestamp, "png")
        self._store_soon(run_id, encode_image(image, path), path, synchronous)
        self._store_soon(run_id, encode_thumbnail(image), thumbnail_path(path), synchronous)
        self.tracking.log_batch(run_id, tags={tag_names.LOGGED_IMAGES: "True"}, waits=bool(synchronous))

    def log_audio(
        self,
        run_id: str,
        audio: Any,
        key: str,
        step: int | None = None,
        *,
        sample_rate: int = 44100,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Store a sound under `key` at `step`: a local file as it is, or samples, as WAV.

        Samples have the shape (samples,) or (samples, channels), floats from -1 to 1 or int16, `sample_rate` of them
        a second.
        """
        content, suffix = _file_content(audio, "wav") or (encode_sound(audio, sample_rate), "wav")
        self._store_soon(run_id, content, _stepped(_SOUNDS, key, step, timestamp, suffix), synchronous)

    def log_video(
        self,
        run_id: str,
        video: str | os.PathLike[str],
        key: str,
        step: int | None = None,
        *,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Store a local video file under `key` at `step`."""
        found = _file_content(video, "mp4")
        if found is None:
            raise InvalidInput(f"A video is given as the path of a file, not as {type(video).__name__}")
        self._store_soon(run_id, found[0], _stepped(_VIDEOS, key, step, timestamp, found[1]), synchronous)

    def log_histogram(
        self,
        run_id: str,
        values: Any,
        key: str,
        step: int | None = None,
        *,
        bins: int = 64,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Store how the numbers of an array or tensor are distributed, under `key` at `step`.

        A file of JSON: `edges` (bins + 1 of them), `counts`, and in `missing` how many were NaN or infinite.
        """
        content = msgspec.json.encode(histogram_of(values, bins))
        self._store_soon(run_id, content, _stepped(_HISTOGRAMS, key, step, timestamp, "json"), synchronous)

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Store a table, or append its rows where there is one: a dictionary of columns, or a data frame.

        As JSON, or as Parquet for `.parquet`; an `Image` in it is stored as a file, which the table names. Two
        processes that append to one table at once may lose rows.
        """
        table, images = take_images(table_of(data), artifact_file)
        store = self.tracking.open_artifacts(run_id)
        for path, content in images.items():
            store.put_stream(io.BytesIO(content), path)
        try:
            with store.open(artifact_file) as before:
                table = append_rows(decode_table(before, artifact_file), table)
        except NotFound:
            pass
        store.put_stream(io.BytesIO(encode_table(table, artifact_file)), artifact_file)
        self._name_table(run_id, artifact_file)

    def _name_table(self, run_id: str, path: str) -> None:
        known = json.loads(self.tracking.get_run(run_id).data.tags.get(tag_names.LOGGED_ARTIFACTS, "[]"))
        table = {"path": path, "type": "table"}
        if table not in known:
            self.tracking.log_batch(run_id, tags={tag_names.LOGGED_ARTIFACTS: json.dumps([*known, table])})

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The rows of that table from all runs of the experiment that have it, or from `run_ids`, each of which must.

        `extra_columns`: `run_id`, or what else a row of `search_runs` has, as columns of the answer. Raises NotFound.
        """
        import pandas as pd

        ids = self._runs_with(experiment_id, artifact_file) if run_ids is None else run_ids
        tables = [self._table_of_run(run_id, artifact_file, extra_columns or ()) for run_id in ids]
        if not tables:
            raise NotFound(f"No run of experiment {experiment_id} has the table '{artifact_file}'")
        return pd.concat(tables, ignore_index=True)

    def _runs_with(self, experiment_id: str, artifact_file: str) -> list[str]:
        found: list[str] = []
        token: str | None = None
        while True:
            page = self.tracking.search_runs(
                [experiment_id],
                filter_string=f"tags.`{tag_names.LOGGED_ARTIFACTS}` LIKE '%{json.dumps(artifact_file)[1:-1]}%'",
                view=ViewType.ACTIVE_ONLY,
                max_results=_PAGE,
                page_token=token,
            )
            for run in page:
                tables = json.loads(run.data.tags[tag_names.LOGGED_ARTIFACTS])
                if any(table.get("path") == artifact_file for table in tables):
                    found.append(run.info.run_id)
            token = page.token
            if not token:
                return found

    def _table_of_run(self, run_id: str, artifact_file: str, extra_columns: Sequence[str]) -> pd.DataFrame:
        with self.tracking.open_artifacts(run_id).open(artifact_file) as file:
            table = decode_table(file, artifact_file)
        if extra_columns:
            known = _row_of(self.tracking, run_id)
            for name in extra_columns:
                if name in table.columns:
                    raise InvalidInput(f"The table '{artifact_file}' of run {run_id} has a column '{name}' already")
                if name not in known:
                    raise InvalidInput(f"Run {run_id} has no '{name}' for the extra column; it has {sorted(known)}")
                table[name] = known[name]
        return table

    def _store(self, run_id: str, content: bytes, path: str) -> None:
        self.tracking.open_artifacts(run_id).put_stream(io.BytesIO(content), path)

    def _store_soon(self, run_id: str, content: bytes, path: str, synchronous: bool | None) -> None:
        if synchronous:
            self._store(run_id, content, path)
        else:
            self.tracking.store_soon(run_id, io.BytesIO(content), path)


def _stepped(folder: str, key: Any, step: int | None, timestamp: int | None, suffix: str) -> str:
    at = now_ms() if timestamp is None else metric_whole_number(key, "timestamp", timestamp)
    place = 0 if step is None else metric_whole_number(key, "step", step)
    return stepped_path(folder, key, place, at, str(uuid4()), suffix)


def _file_content(given: Any, suffix: str) -> tuple[bytes, str] | None:
    """What stands in a local file, and the end of its name; None for what is no path."""
    if not isinstance(given, str | os.PathLike):
        return None
    path = Path(given)
    try:
        return path.read_bytes(), path.suffix[1:].lower() or suffix
    except OSError as error:
        raise NotFound(f"The file '{path}' cannot be read: {error.strerror}") from error


def _row_of(tracking: JournaledTracking, run_id: str) -> dict[str, Any]:
    run = tracking.get_run(run_id)
    info = msgspec.to_builtins(run.info)
    groups: dict[str, Mapping[str, Any]] = {
        "metrics": run.data.metrics,
        "params": run.data.params,
        "tags": run.data.tags,
    }
    named = {f"{group}.{key}": value for group, values in groups.items() for key, value in values.items()}
    return {**info, **named}
