"""How the server serves the pages: addresses, caching, compression, what scripts may do."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from runstone.server.pages import Pages
from tests.server.serving import RunningServer
from tests.ui.conftest import Open

pytestmark = pytest.mark.xdist_group("ui")


def test_the_page_allows_scripts_and_styles_of_its_own_files_alone(server: RunningServer) -> None:
    answer = server.ask("GET", "/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert b"<style" not in answer.body
    assert re.findall(rb"<script(?![^>]*src=)", answer.body) == []


@pytest.mark.parametrize("path", ["/e/1", "/r/0123/files/a/b.txt", "/compare?r=1,2", "/models/a%20b"])
def test_paths_of_the_ui_are_answered_with_the_page(server: RunningServer, path: str) -> None:
    assert server.ask("GET", path).body == server.ask("GET", "/").body


@pytest.mark.parametrize("path", ["/e", "/nothing", "/assets/nothing.js", "/api/runstone/v1/nothing"])
def test_other_paths_are_not(server: RunningServer, path: str) -> None:
    assert server.ask("GET", path).status == 404


def test_a_page_takes_no_post(server: RunningServer) -> None:
    answer = server.ask("POST", "/e/1")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")


def test_assets_are_kept_for_good_and_sent_gzipped_to_those_who_can(server: RunningServer) -> None:
    script = re.findall(rb'src="\./(assets/[^"]+)"', server.ask("GET", "/").body)[0].decode()
    plain = server.ask("GET", f"/{script}")
    zipped = server.ask("GET", f"/{script}", headers={"Accept-Encoding": "gzip"})
    assert plain.headers["Content-Type"].startswith("text/javascript")
    assert "immutable" in plain.headers["Cache-Control"]
    assert plain.headers.get("Content-Encoding") is None
    assert gzip.decompress(zipped.body) == plain.body


def test_the_page_works_behind_a_prefix(open_page: Open, tmp_path: Path) -> None:
    prefixed = RunningServer(tmp_path / "store", "--static-prefix", "/track")
    try:
        page = open_page("/track/models", base=f"http://127.0.0.1:{prefixed.port}")
        expect(page.get_by_role("heading", name="Models")).to_be_visible()
        page.get_by_role("link", name="Runstone").click()
        expect(page.locator(".quick-start")).to_be_visible()
        assert page.url.endswith("/track/")
    finally:
        prefixed.close()


def test_a_server_without_built_pages_has_none(tmp_path: Path) -> None:
    pages = Pages("", folder=tmp_path)
    assert not pages
    assert pages.find("/e/1", "GET") is None
