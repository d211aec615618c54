"""What may be the path of an artifact. Pure rules; knows no store and no file.

A path is taken literally: `100%.txt`, `a%20b` and `a\\b` are names like others, and every letter comes back
as it was given (no Unicode normalisation). But a path is also refused where somebody further on could read it
in a way that leaves the root: with its percent-escapes decoded, once or many times, or with `\\` as the
separator of folders. So `%2e%2e/x`, `%252e%252e/x` and `..\\x` are refused as `../x` is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import PurePath
from urllib.parse import unquote

from runstone.errors import InvalidInput

__all__ = [
    "MAX_DEPTH",
    "MAX_NAME_BYTES",
    "MAX_PATH_BYTES",
    "PART_PREFIX",
    "check_artifact_path",
    "is_artifact_path",
    "is_part_name",
    "new_part_name",
]

MAX_NAME_BYTES = 255
"""The longest name of a file or folder on the usual file systems, in UTF-8."""
MAX_PATH_BYTES = 4_096
"""The longest path, in UTF-8: Linux's PATH_MAX. A store may take less."""
MAX_DEPTH = 100
"""The most names in a path. Python's own mkdir and rmtree call themselves once a folder, and end at 1,000."""

PART_PREFIX = ".runstone-part-"
"""Starts the names of what is not whole yet."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")


def check_artifact_path(path: object, *, allow_empty: bool = False) -> str:
    """Return the path in its one spelling: relative, `/` between names, no `.` and no `/` at the end.

    With `allow_empty` the root itself (`''`, `.`) is legal, and returned as `''`. Raises InvalidInput for a
    path that would leave the root in any reading (see the module), or that a file system cannot hold.
    """
    text = path.as_posix() if isinstance(path, PurePath) else path
    if not isinstance(text, str):
        raise _refusal(path, "it is not a text", "give the path as a text")
    if not _is_utf8(text):
        raise _refusal(text, "it has no form in UTF-8 (an unpaired surrogate)", "rename the file")
    if len(text.encode()) > MAX_PATH_BYTES:
        raise _refusal(text, f"it is longer than {MAX_PATH_BYTES} bytes", "use a shorter one")
    for reading in _readings(text):
        _check_stays_inside(text, reading)
    plain = _as_plain(text, allow_empty)
    if plain != text:  # without a `./` before them, names may read in another way
        for reading in _readings(plain):
            _check_stays_inside(plain, reading)
    return plain


def is_artifact_path(path: str) -> bool:
    """Whether `check_artifact_path` accepts it."""
    try:
        check_artifact_path(path)
    except InvalidInput:
        return False
    return True


def is_part_name(name: str) -> bool:
    """Whether a file of this name holds what has not arrived in full yet: never listed, never a user's."""
    return name.startswith(PART_PREFIX)


def new_part_name() -> str:
    """A fresh name for a file that is still arriving; short, so that it fits wherever a name fits."""
    return PART_PREFIX + os.urandom(10).hex()


def _readings(text: str) -> Iterator[str]:
    """The path as given, then decoded again and again until nothing changes; each decoding is shorter."""
    yield text
    while "%" in text and (decoded := unquote(text)) != text:
        yield decoded
        text = decoded


def _check_stays_inside(text: str, reading: str) -> None:
    decoded = "" if reading == text else " once decoded"
    slashed = reading.replace("\\", "/")
    if slashed.startswith("/"):
        raise _refusal(text, f"it is absolute{decoded}", "give it relative to the artifact root")
    if _DRIVE.match(slashed):
        raise _refusal(text, f"it starts with a Windows drive{decoded}", "leave the drive out")
    # Windows ignores spaces at the end of a name: there `.. ` is `..`.
    if any(name.rstrip(" ") == ".." for name in slashed.split("/")):
        raise _refusal(text, f"it contains '..'{decoded}", "name the folders from the artifact root down")
    if "\0" in reading:
        raise _refusal(text, f"it contains a NUL character{decoded}", "leave it out")


def _as_plain(text: str, allow_empty: bool) -> str:
    if _CONTROL.search(text):
        raise _refusal(text, "it contains a control character", "use printable characters")
    names = text.split("/")
    if len(names) > 1 and not names[-1]:
        names.pop()
    if not all(names) and text:
        raise _refusal(text, "it contains an empty name ('//')", "write one '/' between two names")
    names = [name for name in names if name not in ("", ".")]
    if len(names) > MAX_DEPTH:
        raise _refusal(text, f"it goes through more than {MAX_DEPTH} folders", "use fewer")
    for name in names:
        _check_name(text, name)
    if not names and not allow_empty:
        raise _refusal(text, "it names no file", "give a name such as 'model/weights.bin'")
    return "/".join(names)


def _check_name(text: str, name: str) -> None:
    if len(name.encode()) > MAX_NAME_BYTES:
        raise _refusal(text, f"a name in it is longer than {MAX_NAME_BYTES} bytes", "use a shorter one")
    if is_part_name(name):
        raise _refusal(text, f"'{PART_PREFIX}' starts the names of unfinished files", "use another name")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refusal(path: object, problem: str, remedy: str) -> InvalidInput:
    shown = repr(path)
    if len(shown) > 120:
        shown = f"{shown[:100]}... ({len(shown)} characters)"
    # MLflow's clients and their tests look for the words `Invalid path`.
    return InvalidInput(f"Invalid path {shown} for an artifact: {problem}; {remedy}")
