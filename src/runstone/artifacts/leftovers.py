"""What lies in a local folder of artifacts and belongs to nothing: runs that are gone, files that never arrived.

Looks at names alone: `ROOT/EXPERIMENT/RUN/` and `ROOT/EXPERIMENT/models/MODEL/`, where the names of runs and models
are 32 hexadecimal digits, and what is marked as unfinished. What has another form is somebody else's, and left alone,
and so is what was written to within a day: its run may be about to be created, or its upload to go on.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from runstone.artifacts.paths import is_part_name
from runstone.naming import now_ms

__all__ = ["Leftover", "find_leftovers", "folder_size", "remove_leftovers"]

_LIFETIME_MS = 24 * 3_600_000
_RUN = re.compile(r"[0-9a-f]{32}")
_MODEL = re.compile(r"m-[0-9a-f]{32}")


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder below the root (`path`, with `/`) that belongs to nothing."""

    path: str
    size_bytes: int


def find_leftovers(root: Path, known: Collection[str]) -> Iterator[Leftover]:
    """What is left of runs and models that are not `known` (ids), and of uploads that were given up."""
    for folder in _folders(root):
        if folder.name.isdigit():
            for place in _look_at_experiment(folder):
                if place.name not in known and _is_old(place):
                    yield _leftover(root, place)
    for part in _parts(root):
        if _is_old(part):
            yield _leftover(root, part)


def remove_leftovers(root: Path, paths: Collection[str], known: Collection[str]) -> Iterator[Leftover]:
    """Remove those of `paths` that are left over still, and say which they were."""
    for found in find_leftovers(root, known):
        if found.path in paths:
            place = root / found.path
            shutil.rmtree(place) if place.is_dir() else place.unlink()
            yield found


def _look_at_experiment(experiment: Path) -> Iterator[Path]:
    for folder in _folders(experiment):
        if _RUN.fullmatch(folder.name):
            yield folder
        elif folder.name == "models":
            yield from (model for model in _folders(folder) if _MODEL.fullmatch(model.name))


def _leftover(root: Path, place: Path) -> Leftover:
    return Leftover(path=place.relative_to(root).as_posix(), size_bytes=folder_size(place))


def _parts(root: Path) -> Iterator[Path]:
    """Files that are still arriving, and each upload in the folders that hold parts of them."""
    for folder, folders, files in os.walk(root):
        for name in [name for name in folders if is_part_name(name)]:
            folders.remove(name)
            yield from _folders(Path(folder, name))
        yield from (Path(folder, name) for name in files if is_part_name(name))


def _is_old(place: Path) -> bool:
    return all(now_ms() - one.lstat().st_mtime_ns // 1_000_000 > _LIFETIME_MS for one in (place, *place.rglob("*")))


def folder_size(place: Path) -> int:
    """The bytes of all files below a folder, or of a file; links are not followed."""
    if not place.is_dir():
        return place.lstat().st_size if place.exists() else 0
    return sum(Path(folder, name).lstat().st_size for folder, _, files in os.walk(place) for name in files)


def _folders(folder: Path) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            yield from sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
