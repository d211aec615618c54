"""A real IPython kernel that runs a notebook, and IPython where there is none."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

# Runs the cells given as a JSON list on standard input; prints what each has printed as a JSON list.
RUN_CELLS = """
import json, sys
import nbformat
from nbclient import NotebookClient
cells = [nbformat.v4.new_code_cell(source) for source in json.load(sys.stdin)]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, kernel_name="python3", timeout=100).execute()
print(json.dumps(["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]))
"""
Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run_cells(python: Python, tmp_path: Path) -> Callable[..., list[str]]:
    """Run these cells in a kernel whose working folder is `tmp_path`; returns what each printed."""

    def run(*cells: str, **variables: str) -> list[str]:
        done = python("-c", RUN_CELLS, stdin=json.dumps(cells), **variables)
        printed: list[str] = json.loads(done.stdout.splitlines()[-1])
        return printed

    return run


def test_a_notebook_is_the_source_by_the_best_name_that_is_known(
    run_cells: Callable[..., list[str]], print_tags: str
) -> None:
    printed = run_cells(
        print_tags,
        "import os; os.environ['JPY_SESSION_NAME'] = '/home/ada/jupyter.ipynb'\n" + print_tags,
        "__vsc_ipynb_file__ = '/home/ada/vscode.ipynb'\n" + print_tags,
    )
    tags = [json.loads(text) for text in printed]
    assert {one["mlflow.source.type"] for one in tags} == {"NOTEBOOK"}
    assert [one["mlflow.source.name"] for one in tags] == [
        "<notebook>",
        "/home/ada/jupyter.ipynb",
        "/home/ada/vscode.ipynb",
    ]


def test_a_notebook_belongs_to_the_repository_of_its_working_folder(
    run_cells: Callable[..., list[str]], environment: dict[str, str], print_tags: str, tmp_path: Path
) -> None:
    for command in (
        ("init", "--quiet"),
        ("-c", "user.name=Ada", "-c", "user.email=a@b.c", "commit", "-q", "--allow-empty", "-m", "Nothing"),
        ("checkout", "--quiet", "-b", "study"),
    ):
        subprocess.run(["git", *command], cwd=tmp_path, env=environment, check=True)
    _, printed = run_cells("epochs = 3", print_tags)
    assert json.loads(printed)["mlflow.source.git.branch"] == "study"


def test_a_script_that_merely_imports_ipython_is_no_notebook(python: Python, print_tags: str) -> None:
    done = python("-c", f"import IPython; {print_tags}", JPY_SESSION_NAME="/home/ada/parent.ipynb")
    assert json.loads(done.stdout)["mlflow.source.type"] == "LOCAL"


def test_ipython_in_a_terminal_is_no_notebook(python: Python, print_tags: str) -> None:
    done = python("-m", "IPython", "--quick", "-c", print_tags, JPY_SESSION_NAME="/home/ada/parent.ipynb")
    assert json.loads(done.stdout.splitlines()[-1])["mlflow.source.type"] == "LOCAL"
