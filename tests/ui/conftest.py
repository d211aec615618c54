"""A browser for the tests of the web UI, and pages that fail a test by what they say on their console."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.server.serving import RunningServer
from tests.ui.browsing import ARGUMENTS, axe_source, chromium_path, install_tools

TRAINING = Path(__file__).with_name("training.py")
EXPERIMENT = "cifar sweep"
RUNS = 24

Open = Callable[..., Page]


# Per package, not per session: while it runs, no other test of the process can have an event loop of its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    install_tools()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server over some finished runs; tests that change them use experiments of their own."""
    folder = tmp_path_factory.mktemp("ui")
    # A script outside of any repository: the runs are the same whatever is committed here.
    shutil.copy(TRAINING, folder / "train.py")
    running = RunningServer(folder / "store")
    train(running, EXPERIMENT, RUNS, 120)
    yield running
    running.close()


def train(server: RunningServer, experiment: str, runs: int, steps: int) -> None:
    """Some runs, recorded by a process of their own."""
    start_training(server, experiment, runs, steps).communicate(timeout=120)


def start_training(
    server: RunningServer, experiment: str, runs: int, steps: int, pause_s: float = 0
) -> subprocess.Popen[bytes]:
    """The same, going on while the test does."""
    script = server.folder.parent / "train.py"
    command = [sys.executable, str(script), server.url, experiment, str(runs), str(steps), str(pause_s)]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"LOGNAME": "ada"})


@pytest.fixture
def open_page(browser: Browser, server: RunningServer) -> Iterator[Open]:
    """Opens a path in a fresh profile. Errors on the console and requests that fail are failures of the test."""
    contexts, complaints = [], []

    def open_path(path: str = "/", *, theme: str = "light", width: int = 1440, base: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, base_url=base or server.url
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "requestfailed",
            # A page that is left drops what it has asked for.
            lambda request: None if request.failure == "net::ERR_ABORTED" else complaints.append(request.url),
        )
        page.goto(path)
        return page

    yield open_path
    for context in contexts:
        context.close()
    assert complaints == []


def experiment_path(server: RunningServer, name: str = EXPERIMENT) -> str:
    answer = server.get(f"experiments/get-by-name?experiment_name={name.replace(' ', '%20')}")
    return f"/e/{answer.json['experiment']['experiment_id']}"


def serious_faults(page: Page) -> list[str]:
    """What axe-core finds that keeps people out (by WCAG 2.2, levels A and AA)."""
    page.evaluate(axe_source())
    result = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})")
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in result["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]
