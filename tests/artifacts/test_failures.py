"""A local store when things really go wrong: killed processes, a full disk, no permission, racing writers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from runstone.artifacts.local import LocalArtifactStore
from runstone.artifacts.paths import is_part_name
from runstone.entities import FileInfo
from runstone.testing.artifacts import put_bytes, read_bytes

SOURCE_SIZE = 1 << 30


def start(script: str, *args: object) -> subprocess.Popen[str]:
    """A Python process that runs the script; `store` is there, over the folder given first."""
    head = """
        import errno, io, os, resource, sys, time
        from pathlib import Path
        from runstone.artifacts.local import LocalArtifactStore
        from runstone.errors import ArtifactError
        store = LocalArtifactStore(Path(sys.argv[1]))
    """
    code = textwrap.dedent(head) + textwrap.dedent(script)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def output_of(script: str, *args: object) -> str:
    with start(script, *args) as process:
        output, _ = process.communicate()
    assert process.returncode == 0
    return output.strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def parts_in(folder: Path) -> list[Path]:
    return [entry for entry in folder.iterdir() if is_part_name(entry.name)]


# -- killed


def test_a_process_killed_while_a_stream_arrives_leaves_no_file_under_the_name(tmp_path: Path) -> None:
    script = """
        class Stalled(io.BytesIO):
            def read(self, size):
                chunk = super().read(size)
                if not chunk:
                    print("half", flush=True)
                    sys.stdin.read()
                return chunk

        store.put_stream(Stalled(b"x" * 5_000_000), "new")
    """
    with start(script, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        kill(process)
    store = LocalArtifactStore(tmp_path)
    (leftover,) = parts_in(tmp_path)
    assert leftover.stat().st_size > 4_000_000
    assert store.list() == []
    os.utime(leftover, (0, 0))
    put_bytes(store, "new", b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["new"]


def test_a_process_killed_in_the_middle_of_a_copy_leaves_the_name_whole(tmp_path: Path) -> None:
    root = tmp_path / "root"
    store = LocalArtifactStore(root)
    put_bytes(store, "model", b"old")
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(SOURCE_SIZE)
    with start("while True: store.put_file(Path(sys.argv[2]), 'model')", root, source) as process:
        while not parts_in(root):
            assert process.poll() is None
        kill(process)
    # Where the disk can clone, or the kill comes late, the new file may have arrived: then all of it.
    assert store.list() in ([FileInfo("model", False, 3)], [FileInfo("model", False, SOURCE_SIZE)])
    assert len(parts_in(root)) <= 1


# -- full


@pytest.fixture
def small_disk() -> Iterator[Path | None]:
    """A file system of 1 MiB, or None where this user may not mount one."""
    folder = Path(tempfile.mkdtemp())
    mount = shutil.which("mount") or "false"
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", str(folder)], check=True)
    folder.rmdir()


@pytest.mark.parametrize("how", ["put_file", "put_stream"])
def test_a_full_disk_is_an_error_with_a_remedy_and_leaves_nothing(
    small_disk: Path | None, tmp_path: Path, how: str
) -> None:
    root = small_disk or tmp_path / "root"
    source = tmp_path / "source"
    source.write_bytes(b"x" * 3_000_000)
    put_bytes(LocalArtifactStore(root), "model", b"old")
    # Without a small disk, a limit on the size of a file makes the kernel refuse in the same place.
    script = """
        if sys.argv[3] == "limit":
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        try:
            if sys.argv[4] == "put_file":
                store.put_file(Path(sys.argv[2]), "model")
            else:
                store.put_stream(open(sys.argv[2], "rb"), "model")
        except ArtifactError as error:
            print(error)
    """
    message = output_of(script, root, source, "disk" if small_disk else "limit", how)
    assert f"Cannot store the artifact 'model' in '{root}'" in message
    assert ("free some space" if small_disk else "ulimit -f") in message
    assert [entry.name for entry in root.iterdir()] == ["model"]
    assert read_bytes(LocalArtifactStore(root), "model") == b"old"


# -- no permission


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are closed to all but one."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def test_a_folder_without_permission_is_an_error_with_a_remedy(open_folder: Path) -> None:
    root = open_folder / "root"
    put_bytes(LocalArtifactStore(root), "a/b", b"1")
    (root / "closed").mkdir()
    (root / "closed").chmod(0)
    (root / "a").chmod(0o555)
    (open_folder / "mine").write_bytes(b"2")
    (open_folder / "closed").write_bytes(b"2")
    (open_folder / "closed").chmod(0)
    script = """
        if os.getuid() == 0:  # root may do anything: become nobody
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        for act in (
            lambda: store.put_file(Path(sys.argv[2]), "a/new"),
            lambda: store.put_stream(io.BytesIO(b"x"), "a/new"),
            lambda: store.delete("a/b"),
            lambda: store.list("closed"),
            lambda: store.open("closed/x"),
            lambda: store.put_file(Path(sys.argv[3]), "a/new"),
        ):
            try:
                act()
            except ArtifactError as error:
                print(error)
    """
    lines = output_of(script, root, open_folder / "mine", open_folder / "closed").splitlines()
    starts = [
        "Cannot store the artifact 'a/new'",
        "Cannot store the artifact 'a/new'",
        "Cannot delete the artifact 'a/b'",
        "Cannot list the artifacts in 'closed'",
        "Cannot read the artifact 'closed/x'",
        f"Cannot read the local file '{open_folder}/closed'",
    ]
    assert len(lines) == len(starts)
    for line, expected in zip(lines, starts, strict=True):
        assert line.startswith(expected)
        assert "Permission denied" in line
        assert "check who may read and write there" in line
    assert [entry.name for entry in (root / "a").iterdir()] == ["b"]


# -- at once


def test_of_processes_that_write_one_name_one_wins_whole(tmp_path: Path) -> None:
    script = """
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(20):
            store.put_stream(io.BytesIO(sys.argv[2].encode() * 300_000), "shared/name")
    """
    writers = [start(script, tmp_path, letter) for letter in "abc"]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    store = LocalArtifactStore(tmp_path)
    versions = {letter.encode() * 300_000 for letter in "abc"}
    while any(writer.poll() is None for writer in writers):
        if store.list("shared"):
            assert read_bytes(store, "shared/name") in versions
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    assert read_bytes(store, "shared/name") in versions
    assert [entry.name for entry in (tmp_path / "shared").iterdir()] == ["name"]
