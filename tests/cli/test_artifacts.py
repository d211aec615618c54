"""`runstone artifacts`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from runstone.client import Client
from tests.cli.conftest import Command, Runs


def test_the_files_are_a_tree_or_a_flat_list_in_json(
    runs: Runs, client: Client, runstone_command: Command, read_json: Callable[..., Any]
) -> None:
    client.log_text(runs.good, "x" * 2048, "notes/deep/er.bin")
    client.log_text(runs.good, "", "top.txt")
    assert runstone_command("artifacts", "list", "good").stdout == (
        "notes/\n  deep/\n    er.bin  2.0 KiB\n  report.txt  12 B\ntop.txt  0 B\n"
    )
    assert runstone_command("artifacts", "list", "good", "notes/deep").stdout == "er.bin  2.0 KiB\n"
    assert read_json("artifacts", "list", "good", "notes")[0] == {
        "path": "notes/deep",
        "is_dir": True,
        "file_size": None,
    }
    assert runstone_command("artifacts", "list", "bad").stderr == "The run 'bad' has no files\n"
    assert read_json("artifacts", "list", "bad") == []


def test_show_prints_a_text_as_it_is(
    runs: Runs, client: Client, runstone_command: Command, read_json: Callable[..., Any]
) -> None:
    client.log_text(runs.good, "grün\n", "ü.txt")
    assert runstone_command("artifacts", "show", "good", "ü.txt").stdout_bytes == "grün\n".encode()
    assert read_json("artifacts", "show", "good", "ü.txt") == {"path": "ü.txt", "text": "grün\n"}


def test_show_refuses_what_is_no_text_or_not_there(
    runs: Runs, client: Client, folder: Path, runstone_command: Command
) -> None:
    (folder / "weights.bin").write_bytes(b"\x00\xff")
    client.log_artifact(runs.good, folder / "weights.bin")
    assert "no text" in runstone_command("artifacts", "show", "good", "weights.bin", code=1).stderr
    assert "nothing" in runstone_command("artifacts", "show", "good", "nothing", code=1).stderr
    assert ".." in runstone_command("artifacts", "show", "good", "../x", code=1).stderr


def test_download_copies_a_file_a_folder_or_all(runs: Runs, folder: Path, runstone_command: Command) -> None:
    place = runstone_command("artifacts", "download", "good", "notes/report.txt").stdout.strip()
    assert Path(place).read_text() == "all is well\n"
    assert Path(place) == folder / "notes" / "report.txt"
    runstone_command("artifacts", "download", "good", "--to", "new/copies")
    assert (folder / "new/copies/notes/report.txt").read_text() == "all is well\n"
    assert "nothing" in runstone_command("artifacts", "download", "good", "nothing", code=1).stderr


def test_upload_stores_files_and_folders_under_their_names(
    runs: Runs, client: Client, folder: Path, runstone_command: Command, read_json: Callable[..., Any]
) -> None:
    (folder / "plots").mkdir()
    (folder / "plots" / "a.svg").write_text("<svg/>")
    (folder / "b.txt").write_text("b")
    assert "Stored plots with the run 'bad'" in runstone_command("artifacts", "upload", "bad", "plots", "b.txt").stdout
    runstone_command("artifacts", "upload", "bad", "b.txt", "--to", "deep/er")
    paths = [file["path"] for file in read_json("artifacts", "list", "bad") if not file["is_dir"]]
    assert paths == ["b.txt", "deep/er/b.txt", "plots/a.svg"]


def test_upload_refuses_a_deleted_run_and_a_missing_file(
    runs: Runs, client: Client, folder: Path, runstone_command: Command
) -> None:
    client.delete_run(runs.bad)
    (folder / "b.txt").write_text("b")
    assert "restore it first" in runstone_command("artifacts", "upload", "bad", "b.txt", code=1).stderr
    assert "does not exist" in runstone_command("artifacts", "upload", "good", "c.txt", code=2).stderr
