"""The files that MLflow's file store is made of: YAML, a text a file, a line a point. Knows no entity but points."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from runstone.errors import InvalidInput
from runstone.series.points import Points

__all__ = ["Problems", "Yaml", "folders_in", "read_columns", "read_lines", "read_texts"]

Problems = list[tuple[str, str]]
"""What could not be read, and why."""


class Yaml:
    """Reads YAML by PyYAML. Raises InvalidInput where that is missing."""

    def __init__(self, problems: Problems) -> None:
        try:
            import yaml
        except ImportError:
            raise InvalidInput(
                "Reading a folder of MLflow needs the package pyyaml; install it with `pip install 'runstone[yaml]'`"
            ) from None
        self._problems = problems
        self._error = yaml.YAMLError
        # Ten times as fast, where the package was built with libyaml.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._load: Callable[[str], Any] = lambda text: yaml.load(text, Loader=loader)

    def read(self, path: Path) -> dict[str, Any] | None:
        """The mapping in a file; None, and a problem, where there is none."""
        try:
            facts = self._load(path.read_text("utf-8"))
        except (OSError, ValueError, self._error) as error:
            self._problems.append((str(path.parent), f"its meta.yaml cannot be read: {' '.join(str(error).split())}"))
            return None
        if not isinstance(facts, dict):
            self._problems.append((str(path.parent), "its meta.yaml is empty, as a killed program leaves it"))
            return None
        return facts


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, by name; none where it is not there."""
    return sorted(one for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []


def read_texts(folder: Path, problems: Problems) -> dict[str, str]:
    """The texts below a folder, a file each, by their paths."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file():
            try:
                # As bytes, because Python would change the ends of lines.
                found[path.relative_to(folder).as_posix()] = path.read_bytes().decode("utf-8")
            except (OSError, ValueError) as error:
                problems.append((str(path), f"it cannot be read: {error}"))
    return found


def read_lines(path: Path, problems: Problems) -> Iterator[list[str]]:
    """The words of each line of a metric: time, value, step (the oldest versions have none), and more."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            words = line.split()
            if len(words) == 2:
                words.append("0")
            try:
                int(words[0]), float(words[1]), int(words[2])
            except (IndexError, ValueError):
                if words:
                    problems.append((f"{path}, line {number}", f"it is no point: {line.strip()[:80]!r}"))
                continue
            yield words


def read_columns(path: Path, size: int, problems: Problems) -> Iterator[Points]:
    """The points of a metric, at most `size` at a time."""
    lines = read_lines(path, problems)
    while rows := list(islice(lines, size)):
        yield Points(
            np.array([int(words[2]) for words in rows], np.int64),
            np.array([int(words[0]) for words in rows], np.int64),
            np.array([float(words[1]) for words in rows], np.float64),
        )
