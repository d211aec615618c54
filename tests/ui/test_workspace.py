"""Finding the best run: the runs table, its filter, what is done with a selection."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.server.serving import RunningServer
from tests.ui.conftest import RUNS, Open, experiment_path, train

pytestmark = pytest.mark.xdist_group("ui")


def names(page: Page) -> list[str]:
    return page.locator(".row:not(.head) .name a").all_inner_texts()


def column(page: Page, heading: str) -> list[float]:
    headings = [text.split("\n")[0] for text in page.locator(".row.head .cell").all_inner_texts()]
    index = headings.index(heading)
    cells = page.locator(f'.row:not(.head) [aria-colindex="{index + 1}"]').all_inner_texts()
    return [float(cell.replace("−", "-")) for cell in cells]


def count_shown(page: Page, runs: str) -> None:
    expect(page.get_by_test_id("run-count")).to_have_text(runs)


def test_the_best_run_is_on_top_and_the_params_that_moved_it_are_named(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    count_shown(page, f"{RUNS} runs")
    page.wait_for_selector(".importance li")
    assert page.locator(".importance li button").first.inner_text() == "lr"
    best = page.locator('.row:not(.head) [aria-colindex="2"]').all_inner_texts()
    values = [float(cell.replace("−", "-")) for cell in best]
    assert values == sorted(values)
    assert "model.depth" not in page.locator(".row.head").inner_text()


def test_a_click_on_a_heading_sorts_and_the_url_keeps_it(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    page.get_by_role("columnheader", name="lr").get_by_role("button").click()
    page.wait_for_url("**sort=params.lr")
    assert column(page, "lr") == sorted(column(page, "lr"))
    page.get_by_role("columnheader", name="lr").get_by_role("button").click()
    assert "sort=-params.lr" in page.url
    before = names(page)
    page.reload()
    page.wait_for_selector(".row:not(.head)")
    assert names(page) == before


def test_a_filter_applies_as_it_is_written_and_an_error_points_at_its_place(
    server: RunningServer, open_page: Open
) -> None:
    page = open_page(experiment_path(server))
    field = page.get_by_role("combobox", name="Filter runs")
    count_shown(page, f"{RUNS} runs")
    page.keyboard.press("/")
    page.keyboard.type("params.optimizer = 'sgd'")
    count_shown(page, f"{RUNS // 3} runs")
    assert all(name.startswith("sgd") for name in names(page))
    field.fill("params.lr > 0.001 AND metrics.loss ~ 1")
    expect(page.get_by_role("alert")).to_contain_text("unexpected '~'")
    count_shown(page, f"{RUNS // 3} runs")
    field.fill("")
    count_shown(page, f"{RUNS} runs")


def test_the_filter_completes_keys_operators_and_values(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    count_shown(page, f"{RUNS} runs")
    field = page.get_by_role("combobox", name="Filter runs")
    field.press_sequentially("opti")
    page.get_by_role("option", name="params.optimizer").click()
    page.get_by_role("option", name="=", exact=True).click()
    page.get_by_role("option", name="lion").click()
    expect(field).to_have_value("params.optimizer = 'lion' ")
    count_shown(page, f"{RUNS // 3} runs")


def test_groups_show_their_mean_and_spread(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    page.get_by_label("Group by").select_option("params.optimizer")
    expect(page.locator(".row.group")).to_have_count(3)
    expect(page.locator(".row.group").first).to_contain_text("±")


def test_runs_are_selected_by_key_and_compared(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    page.wait_for_selector(".row:not(.head)")
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 runs selected")).to_be_visible()
    assert "sel=" in page.url
    page.keyboard.press("c")
    expect(page.locator(".legend li")).to_have_count(2)
    expect(page.locator(".diff-table")).to_contain_text("lr")


def test_the_line_under_the_pointer_lights_its_row(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    chart = page.locator(".chart-card .line-chart").first
    chart.wait_for()
    page.wait_for_load_state("networkidle")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.75)
    expect(page.locator(".row.lit")).to_have_count(1)
    expect(page.locator(".tip")).to_be_visible()


def test_a_drag_zooms_and_asks_the_server_for_that_range(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    card = page.locator(".chart-card").first
    chart = card.locator(".line-chart")
    chart.wait_for()
    page.wait_for_load_state("networkidle")
    box = chart.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    with page.expect_request(lambda request: "curves" in request.url and "from_x" in (request.post_data or "")):
        page.mouse.move(box["x"] + 100, y)
        page.mouse.down()
        page.mouse.move(box["x"] + 180, y, steps=4)
        page.mouse.up()
    card.get_by_role("button", name="reset zoom").click()
    expect(card.get_by_role("button", name="reset zoom")).to_have_count(0)


def test_a_chart_is_a_table_for_those_who_ask(server: RunningServer, open_page: Open) -> None:
    page = open_page(experiment_path(server))
    card = page.locator(".chart-card").first
    card.get_by_role("button", name="val/loss: more").click()
    card.get_by_role("button", name="Show as table").click()
    expect(card.get_by_role("row")).to_have_count(21)


def test_deleted_runs_come_back_with_undo(server: RunningServer, open_page: Open) -> None:
    train(server, "to delete", 3, 5)
    page = open_page(experiment_path(server, "to delete"))
    count_shown(page, "3 runs")
    page.get_by_label("Select all runs").check()
    page.get_by_role("button", name="Delete", exact=True).click()
    count_shown(page, "0 runs")
    page.get_by_role("button", name="Undo").click()
    count_shown(page, "3 runs")


def test_a_saved_view_is_there_for_the_next_reader(server: RunningServer, open_page: Open) -> None:
    train(server, "with views", 3, 5)
    path = experiment_path(server, "with views")
    page = open_page(f"{path}?sort=params.lr&smooth=0.6")
    page.get_by_role("button", name="View", exact=True).click()
    page.get_by_label("Save this view as").fill("by rate")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text('The view "by rate" is saved')).to_be_visible()
    other = open_page(path)
    other.get_by_role("button", name="View", exact=True).click()
    other.get_by_role("button", name="by rate", exact=True).click()
    expect(other).to_have_url(f"{server.url}{path}?sort=params.lr&smooth=0.6")


def test_tags_are_set_on_the_selection(server: RunningServer, open_page: Open) -> None:
    train(server, "to tag", 2, 5)
    page = open_page(experiment_path(server, "to tag"))
    page.get_by_label("Select all runs").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("tag", exact=True).fill("stage")
    page.get_by_label("value", exact=True).fill("paper")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("2 runs tagged")).to_be_visible()
