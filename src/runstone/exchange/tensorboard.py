"""Event files of TensorBoard as a Source: each folder that holds some is a run, all of them in one experiment.

An event file is a TFRecord (a length, its checksum, the bytes, theirs) of protobuf messages, whose classes are
tensorboardX's: three small packages, where TensorBoard itself is a server with thirty (docs/decisions/0024).
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from runstone.artifacts.base import ArtifactOpener
from runstone.artifacts.uris import DirectArtifacts
from runstone.entities import Experiment, LoggedModel, Run, RunData, RunInfo, RunStatus
from runstone.errors import InvalidInput
from runstone.exchange.legality import as_key
from runstone.exchange.source import RegistryEntry
from runstone.series.points import MetricBatch

__all__ = ["TensorBoardFolder", "is_event_folder"]

_PATTERN = "*tfevents*"
_HEADER = struct.Struct("<QI")
_HPARAMS = "_hparams_/session_start_info"


def is_event_folder(folder: Path) -> bool:
    """Whether there is an event file in the folder or below it."""
    return next(folder.rglob(_PATTERN), None) is not None


class _Found(msgspec.Struct):
    """What the event files of one folder hold."""

    keys: list[str] = []
    steps: list[int] = []
    timestamps: list[int] = []
    values: list[float] = []
    params: dict[str, str] = {}
    first: float = float("inf")
    last: float = 0.0
    others: Counter[str] = msgspec.field(default_factory=Counter)


class TensorBoardFolder:
    """A Source. Raises InvalidInput where tensorboardX is missing, or there is no event file."""

    def __init__(self, root: Path) -> None:
        try:
            from tensorboardX.crc32c import crc32c
            from tensorboardX.proto.event_pb2 import Event
            from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
        except ImportError:
            raise InvalidInput(
                "Reading event files of TensorBoard needs the package tensorboardX; install it with "
                "`pip install 'runstone[tensorboard]'`"
            ) from None
        self.place = str(root)
        self.artifacts: ArtifactOpener = DirectArtifacts()
        self._root = root
        self._crc32c, self._event, self._hparams = crc32c, Event, HParamsPluginData
        self._folders = sorted({path.parent for path in root.rglob(_PATTERN)})
        self._points: dict[str, MetricBatch] = {}
        self._problems: list[tuple[str, str]] = []
        if not self._folders:
            raise InvalidInput(f"There is no event file of TensorBoard in {root}, whose name would hold 'tfevents'")

    def close(self) -> None:
        """See Source."""

    def list_problems(self) -> list[tuple[str, str]]:
        """See Source."""
        return self._problems

    def list_experiments(self) -> list[Experiment]:
        """See Source."""
        return [Experiment(experiment_id="0", name=self._root.absolute().name, artifact_location="")]

    def count_runs(self, experiment: Experiment) -> int:
        """See Source."""
        return len(self._folders)

    def read_runs(self, experiment: Experiment) -> Iterator[Run]:
        """See Source."""
        for folder in self._folders:
            files = sorted(folder.glob(_PATTERN))
            found = _Found()
            for path in files:
                self._read(path, found)
            name = folder.relative_to(self._root).as_posix()
            if found.others:
                kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(found.others.items()))
                self._problems.append((f"{kinds} of run '{name}'", "of TensorBoard's data only scalars are imported"))
            if not found.last:
                continue
            # The same wherever the folder lies: a file's name holds its time, its host and its process.
            run_id = sha256(f"{name}\n{files[0].name}".encode()).hexdigest()[:32]
            if found.keys:
                self._points[run_id] = MetricBatch.of_lists(found.keys, found.steps, found.timestamps, found.values)
            yield Run(
                info=RunInfo(
                    run_id=run_id,
                    experiment_id=experiment.experiment_id,
                    run_name=name if name != "." else experiment.name,
                    status=RunStatus.FINISHED,
                    start_time=round(found.first * 1000),
                    end_time=round(found.last * 1000),
                    artifact_uri="",
                ),
                data=RunData(params=found.params),
            )

    def read_points(self, run: Run) -> Iterator[MetricBatch]:
        """See Source."""
        points = self._points.pop(run.info.run_id, None)
        if points is not None:
            yield points

    def read_logged_models(self, experiment: Experiment) -> Iterator[LoggedModel]:
        """See Source: there are none."""
        return iter(())

    def read_registry(self) -> Iterator[RegistryEntry]:
        """See Source: there is none."""
        return iter(())

    def _read(self, path: Path, found: _Found) -> None:
        scalars: set[str] = set()
        for record in self._records(path):
            event = self._event.FromString(record)
            found.first, found.last = min(found.first, event.wall_time), max(found.last, event.wall_time)
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                if plugin == "scalars":
                    scalars.add(value.tag)  # said with the first of a tag alone
                if plugin == "hparams":
                    self._read_params(value, found)
                elif value.HasField("simple_value") or value.tag in scalars:
                    found.keys.append(as_key(value.tag))
                    found.steps.append(event.step)
                    found.timestamps.append(round(event.wall_time * 1000))
                    found.values.append(_number(value))
                else:
                    found.others[_kind(value, plugin)] += 1

    def _read_params(self, value: Any, found: _Found) -> None:
        if value.tag == _HPARAMS:
            start = self._hparams.FromString(value.metadata.plugin_data.content).session_start_info
            for key, param in start.hparams.items():
                found.params[as_key(key)] = _param(param)

    def _records(self, path: Path) -> Iterator[bytes]:
        """The records of a file, as far as it is whole: a program that was killed leaves half a record at its end."""
        with path.open("rb") as file:
            while header := file.read(_HEADER.size):
                if len(header) == _HEADER.size:
                    length, check = _HEADER.unpack(header)
                    if _masked(self._crc32c(header[:8])) == check:
                        record = file.read(length)
                        if len(record) == length and len(file.read(4)) == 4:
                            yield record
                            continue
                self._problems.append((f"the end of {path}", f"it is damaged after byte {file.tell():,}"))
                return


def _masked(checksum: int) -> int:
    """As TFRecord keeps it (https://www.tensorflow.org/tutorials/load_data/tfrecord)."""
    return (((checksum >> 15) | (checksum << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _number(value: Any) -> float:
    if value.HasField("simple_value"):
        return float(value.simple_value)
    tensor = value.tensor
    if tensor.tensor_content:
        kind = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}.get(tensor.dtype, "<f4")
        return float(np.frombuffer(tensor.tensor_content, kind)[0])
    numbers = [*tensor.float_val, *tensor.double_val, *tensor.int_val, *tensor.int64_val]
    return float(numbers[0]) if numbers else float("nan")


def _kind(value: Any, plugin: str) -> str:
    return plugin or {"histo": "histograms", "image": "images"}.get(value.WhichOneof("value") or "", "other values")


def _param(param: Any) -> str:
    """The text of a value of protobuf's `Struct`."""
    kind = param.WhichOneof("kind")
    if kind == "number_value":
        number = param.number_value
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else str(number)
    return str(getattr(param, kind)) if kind in ("string_value", "bool_value") else "None"
