"""Artifacts as files below a folder of this machine. Knows no run, no URI of another kind and no network.

A file arrives under a temporary name in its own folder and is then renamed, so that its real name never shows
a part of it, even when the process is killed. What a killed process leaves is never listed, and removed after
a day by whoever writes into that folder.

Symbolic links are followed as long as they stay inside the root. This guards against links that are there
(planted by an unpacked archive, say), not against another user of the machine who may write below the root
and swaps a folder for a link between the look and the act: give the root to users who trust each other.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from runstone.artifacts.paths import check_artifact_path, is_artifact_path, is_part_name, new_part_name
from runstone.entities import FileInfo
from runstone.errors import ArtifactError, InvalidInput, NotFound
from runstone.naming import now_ms

__all__ = ["LocalArtifactStore", "check_readable_file"]

_CHUNK_BYTES = 1 << 20
_PART_LIFETIME_MS = 24 * 3_600_000
_REMEDIES = {
    errno.ENOSPC: "free some space on that disk",
    errno.EDQUOT: "free some space, or ask for a larger quota",
    errno.EFBIG: "raise the limit on the size of files (ulimit -f)",
    errno.EACCES: "check who may read and write there",
    errno.EPERM: "check who may read and write there",
    errno.EROFS: "choose an artifact root on a disk that can be written",
    errno.ENAMETOOLONG: "use a shorter path",
    errno.ELOOP: "remove the symbolic link that leads back to itself",
    errno.EMFILE: "close some files, or raise the limit on open files (ulimit -n)",
}


class LocalArtifactStore:
    """An ArtifactStore over the folder `root`, which is made when the first file arrives."""

    def __init__(self, root: Path) -> None:
        # Path.absolute() would keep `..`, Path.resolve() would replace the user's own links.
        self.root = Path(os.path.abspath(root))  # noqa: PTH100
        self.root_uri = self.root.as_uri()
        self._swept: set[Path] = set()

    def __repr__(self) -> str:
        return f"LocalArtifactStore({str(self.root)!r})"

    def put_file(self, local_path: Path, path: str) -> None:
        """Store the local file under `path`, replacing what is there: its contents, no mode and no times.

        Raises NotFound: no such local file. Raises InvalidInput: it is a folder, or no regular file.
        """
        local_path = Path(local_path)
        check_readable_file(local_path)
        with self._arriving(path) as part:
            # By name, so that the kernel copies (sendfile; from Python 3.14 a clone where it can).
            shutil.copyfile(local_path, part)

    def put_stream(self, stream: BinaryIO, path: str) -> int:
        """Store what the stream yields, a chunk at a time; returns the size in bytes.

        What the stream itself raises is passed on as it is, and nothing is stored.
        """
        size_bytes = 0
        with self._arriving(path) as part, part.open("xb") as file:
            for chunk in _read_chunks(stream):
                file.write(chunk)
                size_bytes += len(chunk)
        return size_bytes

    def open(self, path: str) -> BinaryIO:
        """The file, for reading; can seek. Raises NotFound: no such file."""
        path = check_artifact_path(path)
        target = self._locate(path)
        with self._translated(f"read the artifact '{path}'"):
            try:
                mode = target.stat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                raise self._nothing_at(path) from None
            if not stat.S_ISREG(mode):
                raise ArtifactError(f"The artifact '{path}' in '{self.root}' is not a file but {_kind(mode)}; list it")
            # All links are resolved by now: one that stands here came after the check.
            return os.fdopen(os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")

    def list(self, path: str = "") -> list[FileInfo]:
        """What stands directly below `path`, by name; nothing where there is no such folder, or it is a file.

        Left out: unfinished files; names that no path may hold; links that lead nowhere, out of the root, or
        to a folder that `path` has come through, so that a walk through the lists always ends; sockets and
        devices.
        """
        path = check_artifact_path(path, allow_empty=True)
        folder = self._locate(path)
        with self._translated(f"list the artifacts in '{path}'"):
            try:
                with os.scandir(folder) as entries:
                    found = [self._describe(entry, path) for entry in entries]
            except (FileNotFoundError, NotADirectoryError):
                return []
        return sorted((info for info in found if info is not None), key=lambda info: info.path)

    def delete(self, path: str) -> None:
        """Delete a file, or a folder with all in it; nothing happens where there is none.

        A link is deleted itself, never what it leads to.
        """
        path = check_artifact_path(path, allow_empty=True)
        target = self._locate(path, follow_last=not path)
        with self._translated(f"delete the artifact '{path}'"):
            try:
                if stat.S_ISDIR(target.lstat().st_mode):
                    _delete_folder(target)
                else:
                    target.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return

    def local_path(self, path: str) -> Path | None:
        """Where the file or folder lies. Raises NotFound: nothing there."""
        path = check_artifact_path(path, allow_empty=True)
        with self._translated(f"find the artifact '{path}'"):
            try:
                self._locate(path).stat()
            except (FileNotFoundError, NotADirectoryError):
                raise self._nothing_at(path) from None
        return self.root / path

    # -- from a path to a place

    def _locate(self, path: str, *, follow_last: bool = True) -> Path:
        """The place of a checked path, links resolved (the last only if asked), surely inside the root."""
        root = os.path.realpath(self.root)
        if follow_last:
            place = os.path.realpath(f"{root}/{path}")
        else:
            folder, _, name = path.rpartition("/")
            place = f"{os.path.realpath(f'{root}/{folder}')}/{name}"
        if not _is_inside(place, root):
            raise InvalidInput(
                f"Invalid path {path!r} for an artifact: a symbolic link in it leads out of the artifact "
                f"root '{self.root}'; replace the link by what it leads to"
            )
        return Path(place)

    def _describe(self, entry: os.DirEntry[str], folder: str) -> FileInfo | None:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if not is_artifact_path(path):  # an unfinished file, too
            return None
        if entry.is_symlink() and not self._may_follow(entry, folder):
            return None
        try:
            facts = entry.stat()
        except OSError:  # deleted meanwhile, or a link that leads nowhere
            return None
        if stat.S_ISDIR(facts.st_mode):
            return FileInfo(path, True)
        return FileInfo(path, False, facts.st_size) if stat.S_ISREG(facts.st_mode) else None

    def _may_follow(self, link: os.DirEntry[str], folder: str) -> bool:
        place = os.path.realpath(link.path)
        if not _is_inside(place, os.path.realpath(self.root)):
            return False
        names = folder.split("/") if folder else []
        prefixes = ("/".join(names[:count]) for count in range(len(names) + 1))
        return all(str(self._locate(prefix)) != place for prefix in prefixes)

    # -- arriving files

    @contextmanager
    def _arriving(self, path: str) -> Iterator[Path]:
        """A temporary name for what will be `path` once the block ends well; gone after it in any case."""
        path = check_artifact_path(path)
        target = self._locate(path)
        with self._translated(f"store the artifact '{path}'"):
            self._make_folder(target.parent, path)
            if target.is_dir():
                raise self._folder_in_the_way(path)
            self._sweep(target.parent)
            part = target.with_name(new_part_name())
            try:
                yield part
                try:
                    part.replace(target)
                except IsADirectoryError as error:
                    raise self._folder_in_the_way(path) from error
            finally:
                with suppress(OSError):
                    part.unlink()

    def _make_folder(self, folder: Path, path: str) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            places = (folder, *folder.parents)
            obstacle = next((place for place in places if place.exists() and not place.is_dir()), folder)
            raise ArtifactError(
                f"Cannot store the artifact '{path}' in '{self.root}': it needs a folder where there "
                f"is the file '{obstacle}'; choose another path, or delete that file first"
            ) from error

    def _folder_in_the_way(self, path: str) -> ArtifactError:
        return ArtifactError(
            f"Cannot store the artifact '{path}' in '{self.root}': there is a folder '{self.root / path}'; "
            "choose another path, or delete that folder first"
        )

    def _sweep(self, folder: Path) -> None:
        """Remove what killed processes left in a folder, the first time this object writes there."""
        if folder in self._swept:
            return
        self._swept.add(folder)
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                # A file that still arrives has been written to lately.
                with suppress(OSError):
                    if is_part_name(entry.name) and _age_ms(entry) > _PART_LIFETIME_MS:
                        Path(entry.path).unlink()

    # -- errors

    def _nothing_at(self, path: str) -> NotFound:
        return NotFound(f"No artifact '{path}' in '{self.root}'; list its folder to see what there is")

    @contextmanager
    def _translated(self, act: str) -> Iterator[None]:
        try:
            yield
        except _StreamFailed as failure:
            raise failure.error from failure.error.__cause__
        except OSError as error:
            raise ArtifactError(f"Cannot {act} in '{self.root}': {_reason(error)}") from error


class _StreamFailed(Exception):
    """Carries what a caller's stream raised past the translation of our own errors."""

    def __init__(self, error: OSError) -> None:
        self.error = error


def _read_chunks(stream: Any) -> Iterator[bytes]:
    while True:
        try:
            chunk = stream.read(_CHUNK_BYTES)
        except OSError as error:
            raise _StreamFailed(error) from error
        if isinstance(chunk, str):
            raise InvalidInput("The stream to be stored yields text; open it in binary mode ('rb')")
        if not chunk:
            return
        yield chunk


def check_readable_file(local_path: Path) -> None:
    """Raises NotFound: no such local file; InvalidInput: a folder, or no regular file; ArtifactError: not readable."""
    try:
        mode = local_path.stat().st_mode
        if not stat.S_ISREG(mode):
            remedy = "use log_artifacts for a folder" if stat.S_ISDIR(mode) else "write it to a file first"
            raise InvalidInput(f"'{local_path}' is not a file but {_kind(mode)}; {remedy}")
        with local_path.open("rb"):
            pass
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"No local file '{local_path}' (seen from '{Path.cwd()}'); check its path") from None
    except OSError as error:
        raise ArtifactError(f"Cannot read the local file '{local_path}': {_reason(error)}") from error


def _delete_folder(folder: Path) -> None:
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:
            continue  # somebody else deletes here, too; each round leaves less


def _is_inside(place: str, root: str) -> bool:
    return place == root or place.startswith(root.rstrip("/") + "/")


def _age_ms(entry: os.DirEntry[str]) -> int:
    return now_ms() - entry.stat(follow_symlinks=False).st_mtime_ns // 1_000_000


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"


def _reason(error: OSError) -> str:
    remedy = _REMEDIES.get(error.errno or 0, "check the disk and the path")
    place = error.filename2 or error.filename
    where = f" (at '{place}')" if place else ""  # a failed write does not say where
    return f"{error.strerror or error}{where}; {remedy}"
