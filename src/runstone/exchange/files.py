"""The files of runs and models on their way from a source to a target: copied, referred to, or left."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from runstone.artifacts.base import ArtifactStore
from runstone.entities import Experiment, FileInfo, LoggedModel, Run
from runstone.errors import RunstoneError, StoreError
from runstone.exchange.report import Report
from runstone.exchange.selection import ArtifactMode
from runstone.exchange.source import Source
from runstone.exchange.target import Target

__all__ = ["Files"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):")


class Files:
    """Copies files in one mode, and counts them in the report. A file that is there in the same size is left alone."""

    def __init__(self, source: Source, mode: ArtifactMode, report: Report) -> None:
        self._source = source
        self._mode = mode
        self._report = report
        self._unread: Counter[tuple[str, str]] = Counter()

    def place_of(self, uri: str, target: Target) -> str | None:
        """Where a run or a model has its files in the target: None for the target's own place."""
        if self._mode == "reference" and target.refers and uri:
            return uri if _SCHEME.match(uri) else Path(uri).absolute().as_uri()
        return None

    def copy_run(self, run: Run, target: Target, run_id: str) -> None:
        """Copy the files of a run, if files are copied."""
        if self._mode == "copy" and run.info.artifact_uri:
            self._copy(
                run.info.artifact_uri, f"run '{run.info.run_id}'", lambda: target.tracking.open_artifacts(run_id)
            )

    def copy_model(self, model: LoggedModel, target: Target, model_id: str) -> None:
        """Copy the files of a logged model to the target's of that id, if files are copied."""
        if self._mode == "copy" and model.artifact_location:
            models = target.tracking.models
            self._copy(
                model.artifact_location,
                f"model '{model.model_id}'",
                lambda: models.open_logged_model_artifacts(model_id),
            )

    def check_location(self, experiment: Experiment) -> None:
        """Say so where an experiment's folder is one of another machine: its runs would seem to have no files."""
        uri = experiment.artifact_location
        if self._mode != "copy" or not uri or (_SCHEME.match(uri) and not uri.startswith("file:")):
            return
        try:
            root = self._source.artifacts.open(uri).local_path("")
        except RunstoneError:
            root = None
        if root is None and not any(folder.is_dir() for folder in _near(uri)):
            self._report.note(
                f"files of experiment '{experiment.name}'", f"there is no folder {uri} here; mount it, and import again"
            )

    def finish(self) -> None:
        """Tell what could not be read."""
        for (what, reason), count in self._unread.items():
            self._report.note(f"files of {count:,} {what}", reason)
        self._unread.clear()

    def _copy(self, uri: str, owner: str, open_target: Callable[[], ArtifactStore]) -> None:
        try:
            source = self._source.artifacts.open(uri)
            for info in _walk(source):
                self._copy_file(source, open_target(), info)
        except StoreError:
            raise
        except RunstoneError as error:
            match = _SCHEME.match(uri)
            if match and match[1].lower() != "file":
                remedy = "open them with --artifacts reference, or copy them by that store's own tools"
                self._unread[f"runs and models at {match[1]}:", f"Runstone cannot read them here; {remedy}"] += 1
            else:
                self._report.note(f"files of {owner}", error)

    def _copy_file(self, source: ArtifactStore, target: ArtifactStore, info: FileInfo) -> None:
        folder = info.path.rpartition("/")[0]
        if any(one.path == info.path and one.file_size == info.file_size for one in target.list(folder)):
            return
        local = source.local_path(info.path)
        if local is not None:
            target.put_file(local, info.path)
        else:
            with source.open(info.path) as stream:
                target.put_stream(stream, info.path)
        self._report.files += 1
        self._report.file_bytes += info.file_size or 0


def _walk(store: ArtifactStore, path: str = "") -> Iterator[FileInfo]:
    for info in store.list(path):
        if info.is_dir:
            yield from _walk(store, info.path)
        else:
            yield info


def _near(uri: str) -> list[Path]:
    """The folder of an experiment, and those two above it, which are there on the machine that made it."""
    path = Path(re.sub(r"^file:(//)?", "", uri))
    return [path, *path.parents[:2]]
