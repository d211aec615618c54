"""A bundle: a store in one file, a zip of `runstone.json` (what it is), `runstone.db` (a store) and `artifacts/`.

Unpacked, it is a home like any other. Before anything of it is used, the whole of it is checked: its names, which may
not leave the folder it is unpacked in, and its checksums. Knows no run.
"""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runstone.artifacts.paths import is_artifact_path
from runstone.errors import InvalidInput, StoreCorrupt, StoreUnavailable, StoreVersion
from runstone.version import __version__

__all__ = ["is_bundle", "opened_bundle", "write_bundle"]

_MANIFEST = "runstone.json"
_FORMAT, _VERSION = "runstone bundle", 1
DATABASE_NAME = "runstone.db"  # as in a home
_ARTIFACTS = "artifacts/"
_SQLITE_PARTS = (f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm", f"{DATABASE_NAME}-journal")


def is_bundle(path: Path) -> bool:
    """Whether a file begins as a zip does, or is named as a bundle."""
    if path.suffix == ".runstone":
        return True
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


# -- writing


def write_bundle(path: Path, fill: Callable[[Path], None]) -> None:
    """Write a bundle of what `fill` makes: a store `runstone.db` and its files, in a folder that is given to it.

    The file appears when it is whole. Raises InvalidInput where it is there already.
    """
    path = path.absolute()
    if path.exists():
        raise InvalidInput(f"{path} exists already; remove it first, or choose another name")
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent} for the bundle; make it first")
    with tempfile.TemporaryDirectory(prefix=".runstone-", dir=path.parent) as name:
        folder = Path(name, "home")
        folder.mkdir()
        fill(folder)
        part = Path(name, "bundle")
        _pack(folder, part)
        part.replace(path)


def _pack(folder: Path, path: Path) -> None:
    left = [name for name in _SQLITE_PARTS if (folder / name).exists() and (folder / name).stat().st_size]
    assert not left, f"the store is still open: {left}"
    about = {"format": _FORMAT, "version": _VERSION, "written_by": f"runstone {__version__}"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_MANIFEST, json.dumps(about, indent=2) + "\n")
        # Its points are compressed already.
        archive.write(folder / DATABASE_NAME, DATABASE_NAME, zipfile.ZIP_STORED)
        for file in sorted((folder / _ARTIFACTS).rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())


# -- reading


@contextmanager
def opened_bundle(path: Path) -> Iterator[Path]:
    """The database of a bundle, unpacked with all its files for as long as the block lasts.

    Raises StoreCorrupt for a file that is damaged or no bundle, StoreVersion for one of a later Runstone.
    """
    with tempfile.TemporaryDirectory(prefix="runstone-bundle-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(path) as archive:
                _check(path, archive)
                _check_room(path, archive, folder)
                for info in archive.infolist():
                    # Reading to the end compares the checksum.
                    archive.extract(info, folder)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise StoreCorrupt(
                f"The bundle {path} is damaged, or no bundle: {error}; nothing of it was imported; copy it again"
            ) from error
        yield folder / DATABASE_NAME


def _check(path: Path, archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if _MANIFEST not in names or DATABASE_NAME not in names:
        raise StoreCorrupt(f"{path} is a zip, but no bundle of Runstone: it lacks {_MANIFEST} or {DATABASE_NAME}")
    about = _about(archive)
    if about.get("format") != _FORMAT:
        raise StoreCorrupt(f"{path} is a zip, but no bundle of Runstone: its {_MANIFEST} does not say so")
    if about.get("version") != _VERSION:
        raise StoreVersion(f"The bundle {path} has version {about.get('version')}; a newer Runstone can read it")
    if len(set(names)) < len(names):
        raise StoreCorrupt(f"The bundle {path} holds a name twice; nothing of it was imported")
    for info in archive.infolist():
        if not _is_legal(info):
            raise StoreCorrupt(
                f"The bundle {path} holds {info.filename!r}, which has no place in a bundle and may have been put "
                "there to do harm; nothing of it was imported"
            )


def _about(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        about = json.loads(archive.read(_MANIFEST))
    except ValueError:
        return {}
    return about if isinstance(about, dict) else {}


def _is_legal(info: zipfile.ZipInfo) -> bool:
    if info.filename in (_MANIFEST, DATABASE_NAME):
        return True
    kind = stat.S_IFMT(info.external_attr >> 16)
    return info.filename.startswith(_ARTIFACTS) and is_artifact_path(info.filename) and kind in (0, stat.S_IFREG)


def _check_room(path: Path, archive: zipfile.ZipFile, folder: Path) -> None:
    needed, free = sum(info.file_size for info in archive.infolist()), shutil.disk_usage(folder).free
    if needed > free:
        raise StoreUnavailable(
            f"The bundle {path} needs {needed:,} bytes to be unpacked in {folder.parent}, and {free:,} are free; free "
            "some space, or set TMPDIR to another disk"
        )
