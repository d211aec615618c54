"""Small real servers that do what a test tells them to, request by request, and remember what arrived."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple


class Arrived(NamedTuple):
    """A request as it came in. Names of headers are in lower case."""

    verb: str
    target: str
    headers: dict[str, str]
    body: bytes


class Scene(NamedTuple):
    """What a server does with a request: what it sends, and how it leaves."""

    raw: bytes
    then: str = "stay"  # or "close", "reset", "hang"


def reply(
    body: bytes = b"{}", status: int = 200, length: int | None = None, then: str = "stay", **headers: str
) -> Scene:
    """A complete answer; a `length` larger than the body makes it one that is cut off."""
    head = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body) if length is None else length}"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return Scene("\r\n".join(head).encode() + b"\r\n\r\n" + body, then)


_TLS_HANDSHAKE = b"\x16"
CUT = Scene(b"", "close")
RESET = Scene(b"", "reset")
HANG = Scene(b"", "hang")


class ScriptedServer:
    """Plays its scenes in order, whatever the connection; then it answers `{}` for ever."""

    def __init__(self, *scenes: Scene, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.scenes = deque(scenes)
        self.arrived: list[Arrived] = []
        self.connections = 0
        self._ended = threading.Semaphore(0)
        self._tls = tls
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="scripted-server", daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._over.set()
        stop_listening(self._listener)
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def wait_for_end(self) -> None:
        """Return when the server has closed one more connection."""
        assert self._ended.acquire(timeout=30)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=[connection], name="scripted-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self._converse(connection)
        self._ended.release()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                if stream.peek(1)[:1] == _TLS_HANDSHAKE:
                    connection.sendall(reply(status=400).raw)
                    return
                while request := read_request(stream.readline, stream.read):
                    self.arrived.append(request)
                    if not self._play(connection, self.scenes.popleft() if self.scenes else reply()):
                        return

    def _play(self, connection: socket.socket, scene: Scene) -> bool:
        connection.sendall(scene.raw)
        if scene.then == "hang":
            self._over.wait()
        if scene.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return scene.then == "stay"


def read_request(read_line: Callable[[], bytes], read: Callable[[int], bytes]) -> Arrived | None:
    """The next request of a connection; None at its end."""
    first = read_line().decode()
    if not first.strip():
        return None
    headers = {}
    while line := read_line().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    verb, target, _ = first.split(" ", 2)
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int(read_line(), 16):
            body += read(size)
            read_line()
        read_line()
    else:
        body = read(int(headers.get("content-length", 0)))
    return Arrived(verb, target, headers, body)


def stop_listening(listener: socket.socket) -> None:
    """At once: closed alone, it would go on listening as long as a thread waits in `accept`."""
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


class Relay:
    """Passes requests on to a server of this machine, and answers back, but for those that it is told to lose or hide.

    `loses`: the server gets the request, its client no answer. `hides`: it is answered with 404, as by a server that
    has nothing there.
    """

    def __init__(self, port: int) -> None:
        self.loses: Callable[[Arrived], bool] = lambda request: False
        self.hides: Callable[[Arrived], bool] = lambda request: False
        self.arrived: list[Arrived] = []
        self._target_port = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def close(self) -> None:
        stop_listening(self._listener)
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=[connection], name="relay-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while request := read_request(stream.readline, stream.read):
                self.arrived.append(request)
                if self.hides(request):
                    connection.sendall(reply(b"<html><title>404</title>", 404).raw)
                    continue
                answer = self._pass_on(request)
                if self.loses(request):
                    return
                connection.sendall(answer)

    def _pass_on(self, request: Arrived) -> bytes:
        target = http.client.HTTPConnection("127.0.0.1", self._target_port)
        headers = {"Content-Type": request.headers.get("content-type", "")}
        target.request(request.verb, request.target, request.body, headers)
        response = target.getresponse()
        body = response.read()
        target.close()
        return reply(body, response.status, Content_Type=response.headers.get("Content-Type", "")).raw


class Tunnel:
    """A proxy for CONNECT: refuses with `status`, or leads every tunnel to `port`."""

    def __init__(self, port: int = 0, status: int = 200) -> None:
        self._target_port, self._status = port, status
        self.arrived: list[Arrived] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="tunnel", daemon=True).start()

    def close(self) -> None:
        stop_listening(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], name="tunnel-connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            stream = connection.makefile("rb", 0)
            request = read_request(stream.readline, stream.read)
            assert request is not None
            self.arrived.append(request)
            connection.sendall(f"HTTP/1.1 {self._status} Whatever\r\n\r\n".encode())
            if self._status != 200:
                return
            with socket.create_connection(("127.0.0.1", self._target_port)) as target:
                back = threading.Thread(target=_pump, args=[target, connection], name="tunnel-back", daemon=True)
                back.start()
                _pump(connection, target)
                back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
