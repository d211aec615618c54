"""The order of the sources, RUNSTONE_RUN_CONTEXT, plug-ins, and that no source can stop a run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

TagsOf = Callable[..., dict[str, str]]
Python = Callable[..., "subprocess.CompletedProcess[str]"]

DEBUG = "import logging; logging.basicConfig(level='DEBUG', format='%(levelname)s %(name)s %(message)s'); "
PROVIDERS = """
class Greeting:
    def in_context(self):
        return True

    def tags(self):
        nothing = {"nothing": None, "mlflow.source.name": None}
        return {"greeting": "hello", "mlflow.user": "plug-in", "number": 7, **nothing}


class Elsewhere(Greeting):
    def in_context(self):
        return False


class Broken(Greeting):
    def tags(self):
        raise RuntimeError("no cluster here")


class Wrong(Greeting):
    def tags(self):
        return ["no", "mapping"]


class Unfit(Greeting):
    def tags(self):
        return {"bad\\nkey": "x", 7: "x", "long": "x" * 8001, "kept": "yes"}


class Later(Greeting):
    def tags(self):
        return {"greeting": "good night"}


def fails():
    raise OSError("cannot be made")
"""


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., None]:
    """Install a distribution whose entry points are these, beside the script, where `sys.path` begins."""

    def write(**entry_points: str) -> None:
        (tmp_path / "cluster_tags.py").write_text(PROVIDERS)
        metadata = tmp_path / "cluster_tags-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cluster-tags\nVersion: 1.0\n")
        rows = [f"{name} = {value}" for name, value in entry_points.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[runstone.run_context_provider]", *rows]) + "\n")

    return write


def test_a_plug_in_adds_tags_and_overrides_the_built_in_ones(
    tags_of: TagsOf, install: Callable[..., None], print_tags: str
) -> None:
    install(greeting="cluster_tags:Greeting")
    tags = tags_of("-c", print_tags)
    assert (tags["greeting"], tags["mlflow.user"]) == ("hello", "plug-in")


def test_values_become_text_and_none_leaves_what_is_there(
    tags_of: TagsOf, install: Callable[..., None], print_tags: str
) -> None:
    install(greeting="cluster_tags:Greeting")
    tags = tags_of("-c", print_tags)
    assert tags["number"] == "7"
    assert "nothing" not in tags
    assert tags["mlflow.source.name"] == "<command>"


def test_plug_ins_are_asked_in_the_order_of_their_names(
    tags_of: TagsOf, install: Callable[..., None], print_tags: str
) -> None:
    install(b="cluster_tags:Later", a="cluster_tags:Greeting")
    assert tags_of("-c", print_tags)["greeting"] == "good night"


def test_a_plug_in_that_is_not_in_its_context_says_nothing(
    tags_of: TagsOf, install: Callable[..., None], print_tags: str
) -> None:
    install(elsewhere="cluster_tags:Elsewhere")
    assert "greeting" not in tags_of("-c", print_tags)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("cluster_tags:Broken", "cluster_tags.Broken"),
        ("cluster_tags:Wrong", "cluster_tags.Wrong"),
        ("cluster_tags:fails", "one = cluster_tags:fails"),
        ("cluster_tags:missing", "one = cluster_tags:missing"),
        ("no_such_module:Thing", "one = no_such_module:Thing"),
    ],
)
def test_a_plug_in_that_fails_is_skipped_with_one_debug_line_that_names_it(
    python: Python, install: Callable[..., None], print_tags: str, value: str, name: str
) -> None:
    install(one=value, two="cluster_tags:Later")
    done = python("-W", "error", "-c", DEBUG + print_tags)
    assert json.loads(done.stdout)["greeting"] == "good night"
    lines = [line for line in done.stderr.splitlines() if name in line and "skipped" in line]
    assert [line.split()[:2] for line in lines] == [["DEBUG", "runstone.context"]]


def test_a_plug_in_that_fails_is_silent_unless_asked(
    python: Python, install: Callable[..., None], print_tags: str
) -> None:
    install(one="cluster_tags:Broken", two="no_such_module:Thing")
    assert python("-W", "error", "-c", print_tags).stderr == ""


def test_tags_that_no_run_can_have_are_left_out_one_by_one(
    python: Python, install: Callable[..., None], print_tags: str
) -> None:
    install(unfit="cluster_tags:Unfit")
    done = python("-c", DEBUG + print_tags)
    tags = json.loads(done.stdout)
    assert tags["kept"] == "yes"
    assert "long" not in tags and "7" not in tags
    assert done.stderr.count("of the run context provider cluster_tags.Unfit was left out") == 3


def test_plug_ins_are_loaded_once_and_not_before_a_run_is_created(
    python: Python, install: Callable[..., None], print_tags: str
) -> None:
    install(greeting="cluster_tags:Greeting")
    program = (
        "import sys, runstone.context; print('cluster_tags' in sys.modules); "
        f"{print_tags}; sys.modules.pop('cluster_tags'); collect_tags(); "
        "print('cluster_tags' in sys.modules)"
    )
    first, *_, last = python("-c", program).stdout.splitlines()
    assert (first, last) == ("False", "False")


def test_the_run_context_of_the_environment_has_the_last_word(
    tags_of: TagsOf, install: Callable[..., None], print_tags: str
) -> None:
    install(greeting="cluster_tags:Greeting")
    context = json.dumps({"greeting": "good morning", "epochs": 3, "team": "vision", "none": None})
    tags = tags_of("-c", print_tags, RUNSTONE_RUN_CONTEXT=context)
    assert (tags["greeting"], tags["epochs"], tags["team"]) == ("good morning", "3", "vision")
    assert "none" not in tags


def test_mlflows_name_of_the_run_context_is_read_too(tags_of: TagsOf, print_tags: str) -> None:
    assert tags_of("-c", print_tags, MLFLOW_RUN_CONTEXT='{"team": "vision"}')["team"] == "vision"


@pytest.mark.parametrize("text", ["{not json", '["a", "list"]', "7", '{"team": "vision"', "[" * 5000])
def test_a_run_context_that_is_no_json_object_is_ignored_with_one_warning(
    python: Python, print_tags: str, text: str
) -> None:
    program = f"{print_tags}; collect_tags()"
    done = python("-W", "error", "-c", program, MLFLOW_RUN_CONTEXT=text)
    assert "mlflow.user" in json.loads(done.stdout)
    (line,) = done.stderr.splitlines()
    assert line.startswith("The environment variable MLFLOW_RUN_CONTEXT=")
    assert "Expected a JSON object" in line
    assert len(line) < 400


def test_a_tag_in_the_run_context_that_no_run_can_have_is_named_in_a_warning(python: Python, print_tags: str) -> None:
    done = python("-c", print_tags, RUNSTONE_RUN_CONTEXT='{"a\\nb": 1, "team": "vision"}')
    assert json.loads(done.stdout)["team"] == "vision"
    (line,) = done.stderr.splitlines()
    assert "RUNSTONE_RUN_CONTEXT" in line and r"'a\nb'" in line


def test_a_deleted_working_folder_does_not_stop_a_run(tags_of: TagsOf, tmp_path: Path, print_tags: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = f"import os; os.rmdir(os.getcwd()); {print_tags}"
    assert tags_of("-c", program, cwd=gone)["mlflow.user"] == "ada"
