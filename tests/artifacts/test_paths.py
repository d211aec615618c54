"""The rules of artifact paths: what is accepted stays inside, what is legal is kept as it is."""

from __future__ import annotations

import ntpath
import posixpath
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.artifacts.paths import check_artifact_path, is_artifact_path, is_part_name, new_part_name
from runstone.errors import InvalidInput
from runstone.testing.artifacts import ODD_NAMES, PATHS_THAT_ESCAPE

TRICKS = (
    "..",
    ".",
    "/",
    "\\",
    "%2e",
    "%2f",
    "%5c",
    "%25",
    "%00",
    "C:",
    "a",
    " ",
    "\u00e9",
    "\0",
    "\n",
    "%",
    "2e",
)
paths = st.one_of(st.lists(st.sampled_from(TRICKS), max_size=12).map("".join), st.text(max_size=40))


def accepted(path: str) -> str | None:
    try:
        return check_artifact_path(path, allow_empty=True)
    except InvalidInput:
        return None


def decodings(text: str) -> list[str]:
    found = [text]
    while (decoded := unquote(found[-1])) != found[-1]:
        found.append(decoded)
    return found


@given(paths)
def test_nothing_accepted_leaves_the_root_in_any_reading(path: str) -> None:
    plain = accepted(path)
    if plain is None:
        return
    for reading in decodings(plain):
        place = posixpath.normpath(posixpath.join("/the/root", reading))
        assert place == "/the/root" or place.startswith("/the/root/")
        place = ntpath.normpath(str(PureWindowsPath("D:\\root") / reading))
        assert place == "D:\\root" or place.startswith("D:\\root\\")
        assert "\0" not in reading


@given(paths)
def test_what_comes_back_is_accepted_as_it_is(path: str) -> None:
    plain = accepted(path)
    if plain is not None:
        assert check_artifact_path(plain, allow_empty=True) == plain


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1), min_size=1))
def test_an_accepted_path_of_plain_names_is_not_changed(names: list[str]) -> None:
    path = "/".join(name for name in names if name != ".")
    plain = accepted(path)
    if plain is not None and not path.endswith("/") and "/./" not in f"/{path}/":
        assert plain == path


@pytest.mark.parametrize("path", PATHS_THAT_ESCAPE)
def test_a_path_that_escapes_is_refused_with_its_value_and_a_remedy(path: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid path") as caught:
        check_artifact_path(path, allow_empty=True)
    assert repr(path) in str(caught.value)
    assert "; " in str(caught.value)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_odd_name_is_kept_letter_for_letter(name: str) -> None:
    assert check_artifact_path(name) == name
    assert check_artifact_path(f"a/{name}/b") == f"a/{name}/b"


@pytest.mark.parametrize(
    ("given_path", "plain"),
    [
        ("a/", "a"),
        ("./a", "a"),
        ("a/./b", "a/b"),
        ("a/.", "a"),
        ("a/b.c", "a/b.c"),
        (PurePosixPath("a/b"), "a/b"),
    ],
)
def test_a_path_has_one_spelling(given_path: object, plain: str) -> None:
    assert check_artifact_path(given_path) == plain


def test_a_windows_path_object_is_read_with_slashes() -> None:
    assert check_artifact_path(PureWindowsPath("a\\b")) == "a/b"


@pytest.mark.parametrize("path", ["", ".", "./", "./."])
def test_the_root_is_legal_only_where_it_is_asked_for(path: str) -> None:
    assert check_artifact_path(path, allow_empty=True) == ""
    with pytest.raises(InvalidInput, match="names no file"):
        check_artifact_path(path)


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("a//b", "empty name"),
        ("a//", "empty name"),
        ("http://x/y", "empty name"),
        ("a\nb", "control character"),
        ("a\x7fb", "control character"),
        ("a\x85b", "control character"),
        ("\ud800", "UTF-8"),
        ("n" * 256, "longer than 255 bytes"),
        ("\u20ac" * 86, "longer than 255 bytes"),
        ("nnnn/" * 1_000, "longer than 4096 bytes"),
        ("a/" * 101, "more than 100 folders"),
        (None, "not a text"),
        (b"a", "not a text"),
        (3, "not a text"),
    ],
)
def test_a_path_that_nothing_can_hold_is_refused_with_the_reason(path: object, problem: str) -> None:
    with pytest.raises(InvalidInput, match=f"Invalid path .*{problem}"):
        check_artifact_path(path)


def test_the_message_about_an_endless_path_is_short() -> None:
    with pytest.raises(InvalidInput) as caught:
        check_artifact_path("x" * 1_000_000)
    assert len(str(caught.value)) < 300


def test_escapes_of_escapes_without_end_are_read_to_the_last() -> None:
    assert not is_artifact_path("%" + "25" * 1_500 + "2e./x")
    assert is_artifact_path("%" + "25" * 100 + "41")


def test_the_names_of_unfinished_files_are_nobodys() -> None:
    name = new_part_name()
    assert is_part_name(name)
    assert not is_artifact_path(name)
    assert not is_artifact_path(f"a/{name}/b")
    assert new_part_name() != name
    assert not any(is_part_name(odd) for odd in ODD_NAMES)
