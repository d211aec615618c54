"""A real S3 server (moto) in a process of its own, and the way to it."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

__all__ = ["S3", "CutAfter", "s3_server"]

_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""
_numbers = itertools.count()


class S3(NamedTuple):
    """The server's address; buckets in it."""

    url: str

    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing-secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self) -> str:
        """A new, empty bucket."""
        name = f"bucket-{next(_numbers)}"
        self.client().create_bucket(Bucket=name)
        return name

    def client(self) -> Any:
        """Amazon's own client, to look at what is there."""
        return self._boto3("s3")

    def _boto3(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service, endpoint_url=self.url, aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1"
        )

    def keys(self, bucket: str) -> list[str]:
        """The names of all objects."""
        return [one["Key"] for one in self.client().list_objects_v2(Bucket=bucket).get("Contents", [])]

    @contextmanager
    def denying(self) -> Iterator[None]:
        """Requests of a known user without permissions, until the block ends: moto checks policies from then on."""
        iam = self._boto3("iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        before = dict(os.environ)
        os.environ["AWS_ACCESS_KEY_ID"] = key["AccessKeyId"]
        os.environ["AWS_SECRET_ACCESS_KEY"] = key["SecretAccessKey"]
        self._check_requests_from(0)
        try:
            yield
        finally:
            self._check_requests_from(1 << 30)
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                os.environ[name] = before[name]
            iam.delete_access_key(UserName="nobody", AccessKeyId=key["AccessKeyId"])
            iam.delete_user(UserName="nobody")

    def _check_requests_from(self, count: int) -> None:
        request = Request(f"{self.url}/moto-api/reset-auth", str(count).encode(), {"Content-Type": "text/plain"})
        urlopen(request).close()

    def unfinished(self, bucket: str) -> list[str]:
        """The names of objects whose upload in parts has neither ended nor been given up."""
        return [one["Key"] for one in self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", [])]


@contextmanager
def s3_server() -> Iterator[S3]:
    """Runs until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None and process.stdin is not None
        yield S3(f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.stdin.close()
        process.wait(30)


class CutAfter:
    """Stands between this process and the server, and closes every connection once that many bytes have gone over.

    While it is open, the environment leads through it.
    """

    def __init__(self, server: S3, limit_bytes: int) -> None:
        self._target = urlsplit(server.url)
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.passed_bytes = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> CutAfter:
        self._before = os.environ["MLFLOW_S3_ENDPOINT_URL"]
        os.environ["MLFLOW_S3_ENDPOINT_URL"] = self.url
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        os.environ["MLFLOW_S3_ENDPOINT_URL"] = self._before
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._cut()
        for thread in list(self._threads):
            thread.join()
        for one in self._sockets:
            one.close()

    def _start(self, act: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=act, args=arguments, name="cut-after")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection((self._target.hostname or "", self._target.port or 80))
            self._sockets += [near, far]
            if self.passed_bytes > self._limit_bytes:
                self._cut()
            self._start(self._pump, near, far)
            self._start(self._pump, far, near)

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while piece := source.recv(1 << 16):
                with self._lock:
                    self.passed_bytes += len(piece)
                if self.passed_bytes > self._limit_bytes:
                    self._cut()
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def _cut(self) -> None:
        for one in list(self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
