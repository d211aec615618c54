"""Every page of the web UI, in both themes: it shows what it should, and keeps nobody out.

With RUNSTONE_PICTURES=docs/images/ui the pictures of the documentation are made anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.server.serving import RunningServer
from tests.ui.conftest import Open, experiment_path, serious_faults

pytestmark = pytest.mark.xdist_group("ui")

PICTURES = os.environ.get("RUNSTONE_PICTURES")


def run_ids(server: RunningServer) -> list[str]:
    experiment_id = experiment_path(server).rpartition("/")[2]
    body = {"experiment_ids": [experiment_id], "order_by": ["start_time ASC"]}
    return [run["info"]["run_id"] for run in server.post("runs/search", body).json["runs"]]


def path_of(server: RunningServer, page: str) -> str:
    experiment = experiment_path(server)
    first, second, third = run_ids(server)[:3]
    return {
        "experiments": "/",
        "workspace": experiment,
        "parallel": f"{experiment}?tab=parallel",
        "scatter": f"{experiment}?tab=scatter&axes=params.lr~min(metrics.val/loss)",
        "bars": f"{experiment}?tab=bars&group=params.optimizer",
        "images": f"{experiment}?tab=images&sel={first[-12:]}~{second[-12:]}",
        "diff": f"{experiment}?tab=diff&sel={first[-12:]}~{second[-12:]}~{third[-12:]}",
        "run": f"/r/{first}",
        "files": f"/r/{first}/files/samples/sample_step_5.png",
        "compare": f"/compare?r={first},{second},{third}",
        "models": "/models",
    }[page]


SHOWN = {
    "experiments": "table.list tbody tr",
    "workspace": ".chart-card canvas",
    "parallel": ".line-chart canvas",
    "scatter": ".line-chart canvas",
    "bars": ".bar-value >> nth=0",
    "images": ".image-row img >> nth=0",
    "diff": ".diff-table td >> nth=0",
    "run": ".chart-card canvas",
    "files": ".preview-image",
    "compare": ".chart-card canvas",
    "models": "h1",
}


def settle(page: Page, name: str) -> None:
    page.wait_for_selector(SHOWN[name])
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_a_page_shows_its_content_and_keeps_nobody_out(
    server: RunningServer, open_page: Open, name: str, theme: str
) -> None:
    page = open_page(path_of(server, name), theme=theme)
    settle(page, name)
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}-{theme}.png")
    assert serious_faults(page) == []


@pytest.mark.parametrize("name", ["experiments", "workspace", "run", "compare"])
def test_a_narrow_page_does_not_scroll_sideways(server: RunningServer, open_page: Open, name: str) -> None:
    page = open_page(path_of(server, name), width=1024)
    settle(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") == 1024


def test_the_theme_is_the_systems_until_another_is_chosen(open_page: Open) -> None:
    page = open_page("/", theme="dark")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Light colours").click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_files_of_a_run_are_shown_and_nothing_of_them_runs(server: RunningServer, open_page: Open) -> None:
    run_id = run_ids(server)[0]
    page = open_page(f"/r/{run_id}/files/report.md")
    expect(page.locator(".markdown strong")).to_have_text("well")
    assert page.locator(".markdown script").count() == 0
    page.get_by_role("link", name="report.csv").click()
    expect(page.get_by_role("cell", name="0.86")).to_be_visible()
    page.get_by_role("link", name="config.json").click()
    expect(page.locator(".preview-text")).to_contain_text('"layers": [')
    page.get_by_role("link", name="page.html").click()
    assert page.locator("iframe").get_attribute("sandbox") == ""
    expect(page.frame_locator("iframe").locator("h1")).to_have_text("A page")


def test_an_empty_store_shows_how_to_begin(open_page: Open, tmp_path: Path) -> None:
    empty = RunningServer(tmp_path / "store")
    try:
        page = open_page("/", base=empty.url)
        expect(page.locator(".quick-start")).to_contain_text(f'mlflow.set_tracking_uri("{empty.url}")')
    finally:
        empty.close()


def test_a_server_that_is_read_only_shows_no_control_that_writes(server: RunningServer, open_page: Open) -> None:
    reader = RunningServer(server.folder, "--read-only")
    try:
        page = open_page("/", base=reader.url)
        expect(page.get_by_text("read-only")).to_be_visible()
        assert page.get_by_role("button", name="New experiment").count() == 0
    finally:
        reader.close()
