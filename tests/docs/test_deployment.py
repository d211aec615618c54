"""The manifests in deploy/: valid by their own schemas, and of options, extras and paths that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib.metadata import metadata
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml

from runstone.cli.root import cli
from tests.docs.pages import ROOT

DEPLOY = ROOT / "deploy"


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.fixture(scope="module")
def manifests() -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))


def accept(arguments: list[str]) -> dict[str, Any]:
    """The options as the command reads them; a usage error where it does not."""
    name, *options = arguments
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command.make_context(name, options).params


def test_the_compose_file_is_valid_by_the_specification() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    found = subprocess.run([*check, DEPLOY / "compose.yaml"], check=False, capture_output=True, timeout=60)
    assert found.returncode == 0, found.stdout.decode()


def test_the_kubernetes_manifests_are_valid_by_their_schemas(manifests: list[Any]) -> None:
    assert [manifest["kind"] for manifest in manifests] == ["Secret", "Deployment", "Service", "PodDisruptionBudget"]
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.32", strict=True)


def test_a_misspelt_field_is_noticed(manifests: list[Any]) -> None:
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**manifests[2], "specs": {}}, "1.32", strict=True)


def test_the_commands_are_ones_that_the_server_takes(compose: Any, manifests: list[Any]) -> None:
    [container] = manifests[1]["spec"]["template"]["spec"]["containers"]
    default = re.search(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert default
    for arguments in (compose["services"]["server"]["command"], container["args"], yaml.safe_load(default[1])):
        assert accept(arguments)["host"] == "0.0.0.0"


def test_the_pod_asks_the_port_on_which_the_server_listens(manifests: list[Any]) -> None:
    [container] = manifests[1]["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"name": "http", "containerPort": accept(container["args"])["port"]}]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/health", "port": "http"}


def test_what_the_manifests_set_in_the_environment_is_read(manifests: list[Any]) -> None:
    names = set(manifests[0]["stringData"])
    [container] = manifests[1]["spec"]["template"]["spec"]["containers"]
    ours = {name for name in names if name.startswith("RUNSTONE_")}
    used = set(re.findall(r"\$\((\w+)\)", " ".join(container["args"])))
    assert ours == used | {"RUNSTONE_TRACKING_URI"}


def test_the_image_installs_extras_that_exist() -> None:
    wanted = re.search(r'"/source\[([\w,]+)\]"', (DEPLOY / "Dockerfile").read_text())
    assert wanted
    assert set(wanted[1].split(",")) <= set(metadata("runstone").get_all("Provides-Extra") or ())


def test_the_health_check_is_a_program_that_fails_where_nobody_listens(compose: Any) -> None:
    _, interpreter, *arguments = compose["services"]["server"]["healthcheck"]["test"]
    assert interpreter == "python"
    code = arguments[-1].replace("5000", "1")
    asked = subprocess.run([sys.executable, *arguments[:-1], code], check=False, capture_output=True, timeout=60)
    assert asked.returncode == 1, shlex.join(arguments)
    assert b"refused" in asked.stderr
