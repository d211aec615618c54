"""A run's files as a tree in a terminal. Walks an ArtifactStore folder by folder; knows no run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from runstone.cli.text import one_line, size
from runstone.entities import FileInfo

if TYPE_CHECKING:
    from runstone.artifacts.base import ArtifactStore

__all__ = ["print_tree", "walk"]


def walk(store: ArtifactStore, path: str = "") -> Iterator[FileInfo]:
    """All files and folders below a folder, each folder before what is in it, by name."""
    waiting = [iter(store.list(path))]
    while waiting:
        file = next(waiting[-1], None)
        if file is None:
            waiting.pop()
            continue
        yield file
        if file.is_dir:
            waiting.append(iter(store.list(file.path)))


def print_tree(store: ArtifactStore, path: str = "", limit: int | None = None) -> int:
    """Print what is below a folder, indented, with sizes; returns how many lines that were, at most `limit` and one."""
    depth = path.count("/") + 1 if path else 0
    count = 0
    for file in islice(walk(store, path), None if limit is None else limit + 1):
        count += 1
        if limit is not None and count > limit:
            click.echo("...")
            break
        folder, _, name = file.path.rpartition("/")
        indent = "  " * (folder.count("/") + 1 - depth if folder else 0)
        click.echo(f"{indent}{one_line(name)}/" if file.is_dir else f"{indent}{one_line(name)}  {_dim(file)}")
    return count


def _dim(file: FileInfo) -> str:
    return click.style(size(file.file_size), dim=True)
