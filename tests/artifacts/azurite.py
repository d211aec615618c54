"""Azurite, Microsoft's own stand-in for Azure Blob Storage, in a process of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import NamedTuple
from urllib.request import Request, urlopen

from tests.npm import BUILD, install_packages, node_command

__all__ = ["Azure", "azure_server"]

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has; its key stands in the documentation."""
_PROGRAM = "node_modules/azurite/dist/src/blob/main.js"
_numbers = itertools.count()


class Azure(NamedTuple):
    """The server's address; containers in it."""

    url: str

    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        facts = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": ACCOUNT,
            "AccountKey": KEY,
            "BlobEndpoint": self.url,
        }
        text = ";".join(f"{name}={value}" for name, value in facts.items())
        return {"AZURE_STORAGE_CONNECTION_STRING": text}

    def make_container(self) -> str:
        """A new, empty container: by a plain request, since the library under test makes none."""
        name = f"container-{next(_numbers)}"
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        lines = [*(f"{key}:{value}" for key, value in headers.items()), f"/{ACCOUNT}/{ACCOUNT}/{name}"]
        signed = "\n".join(["PUT", *[""] * 11, *lines, "restype:container"])
        digest = hmac.digest(base64.b64decode(KEY), signed.encode(), hashlib.sha256)
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}"
        urlopen(Request(f"{self.url}/{name}?restype=container", method="PUT", headers=headers)).close()
        return name


@contextmanager
def azure_server() -> Iterator[Azure]:
    """Runs until the block ends."""
    folder = BUILD / "azurite"
    install_packages(Path(__file__).with_name("azure"), folder)
    node, environment = node_command()
    with tempfile.TemporaryDirectory(prefix="runstone-azurite-") as place:
        options = ("--blobPort", "0", "--location", place, "--silent", "--disableTelemetry", "--skipApiVersionCheck")
        process = subprocess.Popen(
            [node, str(folder / _PROGRAM), *options], env=environment, stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            found = next(filter(None, (re.search(r"listens on (\S+)", line) for line in process.stdout)))
            yield Azure(f"{found[1]}/{ACCOUNT}")
            process.terminate()
            process.stdout.read()  # its last words, for which it fails where nobody listens
