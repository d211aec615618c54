"""Links of the documentation lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, relative

DOCS = ROOT / "docs"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_of_the_page_leads_to_a_file_or_heading_that_exists(page: Path) -> None:
    dead = []
    for link in links(page):
        path, _, anchor = link.target.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_every_page_stands_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page for page in PAGES if DOCS in page.parents and f"{page.relative_to(DOCS)}" not in navigation] == []
