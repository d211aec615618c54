"""Watching a training process: what it logs shows without a reload, and nothing that one did is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.server.serving import RunningServer
from tests.ui.conftest import Open, experiment_path, start_training, train

pytestmark = pytest.mark.xdist_group("ui")


def test_a_new_run_its_points_and_its_end_show_while_one_looks(server: RunningServer, open_page: Open) -> None:
    train(server, "live", 2, 10)
    page = open_page(experiment_path(server, "live"))
    expect(page.get_by_test_id("run-count")).to_have_text("2 runs")
    page.get_by_label("Select adamw-0").check()
    page.evaluate("window.neverReloaded = true")
    process = start_training(server, "live", 1, 25, 0.1)
    try:
        expect(page.get_by_test_id("run-count")).to_have_text("3 runs")
        expect(page.locator(".sub-bar .status.live")).to_have_text("1 live")
        expect(page.locator(".row:not(.head) .status.live")).to_have_count(1)
    finally:
        process.communicate(timeout=60)
    expect(page.locator(".row:not(.head) .status.live")).to_have_count(0)
    assert page.evaluate("window.neverReloaded")
    expect(page.get_by_text("1 run selected")).to_be_visible()


def test_the_page_of_a_run_follows_its_curve(server: RunningServer, open_page: Open) -> None:
    process = start_training(server, "followed", 1, 40, 0.1)
    try:
        page = open_page("/")
        page.get_by_role("link", name="followed").click()
        page.locator(".row:not(.head) .name a").click()
        steps = page.locator(".facts-table").first.locator("tbody tr").first.locator("td").last
        first = int(steps.inner_text())
        expect(steps).not_to_have_text(str(first))
    finally:
        process.communicate(timeout=60)
    expect(steps).to_have_text("39")
    expect(page.locator(".run-head .status.good")).to_have_text("finished")
