"""The pages of the documentation as what a test needs of them: blocks, links, headings. Knows no Markdown beyond that.

A comment before a block says how it is meant. Without one, `python` and `sh` blocks are run, and others are text.

- `<!-- output -->` before a text: what the block before prints; `...` stands for anything.
- `<!-- raises NAME -->` before Python: it ends in that error.
- `<!-- fails -->` before a shell block: its exit code is 1.
- `<!-- file: NAME -->`: the block is written to that file.
- `<!-- not run: WHY -->`: the block is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

__all__ = ["PAGES", "ROOT", "Block", "Link", "anchors", "blocks", "links", "relative"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("examples/*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"(?P<indent> *)(?P<ticks>`{3,})(?P<language>\w*)$")
_COMMENT = re.compile(r" *<!-- (?P<meaning>.+) -->$")
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"#{1,6} (?P<text>.+)$")


class Block(msgspec.Struct, frozen=True):
    """A fenced block. `line` counts from 1 and is that of its first line; `meaning` is the comment before it."""

    language: str
    text: str
    line: int
    meaning: str = ""


class Link(msgspec.Struct, frozen=True):
    """A link or a picture: a path from the page, a URL, or `#heading`."""

    target: str
    line: int


def relative(path: Path) -> str:
    """The page's name for people."""
    return str(path.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), 1))
    meaning = ""
    for number, line in lines:
        if fence := _FENCE.match(line):
            text = "\n".join(_until_closed(lines, fence["indent"] + fence["ticks"], len(fence["indent"])))
            found.append(Block(fence["language"], text + "\n", number + 1, meaning))
        if line.strip():
            comment = _COMMENT.match(line)
            meaning = comment["meaning"] if comment else ""
    return found


def _until_closed(lines: Iterator[tuple[int, str]], fence: str, indent: int) -> Iterator[str]:
    for _, line in lines:
        if line == fence:
            return
        yield line[indent:]
    raise AssertionError("a block is not closed")


def _prose(page: Path) -> Iterator[tuple[int, str]]:
    """The lines outside of blocks, without code in backticks."""
    within = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            within = not within
        elif not within:
            yield number, re.sub(r"`[^`]*`", "", line)


def links(page: Path) -> list[Link]:
    """The links of a page, in order."""
    return [Link(match["target"], number) for number, line in _prose(page) for match in _LINK.finditer(line)]


def anchors(page: Path) -> set[str]:
    """What `#...` may name in a page: its headings, as Python-Markdown and GitHub spell them."""
    text = page.read_text(encoding="utf-8")
    headings = (match["text"] for match in map(_HEADING.match, text.splitlines()) if match)
    return {_slug(heading) for heading in headings} | set(re.findall(r"^::: (\S+)$", text, re.MULTILINE))


def _slug(heading: str) -> str:
    words = re.sub(r"[^\w\s-]", "", heading.replace("`", "")).strip().lower()
    return re.sub(r"[\s-]+", "-", words)
