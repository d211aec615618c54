"""A proxy that cuts connections: before a request, within it, before its answer, within that.

Knows of HTTP what tells where a message ends.
"""

from __future__ import annotations

import random
import re
import socket
import struct
import threading
from collections import Counter

__all__ = ["CUTS", "CuttingProxy"]

CUTS = ("before the request", "within the request", "before the answer", "within the answer")


class CuttingProxy:
    """Listens on a port of its own and passes requests on to `port`, one in `every` of them cut somewhere."""

    def __init__(self, port: int, chance: random.Random, every: int) -> None:
        self.every = every
        self.cuts: Counter[str] = Counter()
        self._target = ("127.0.0.1", port)
        self._chance = chance
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name="cutting-proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Accept nothing any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_all, args=(client,), name="cutting-proxy", daemon=True).start()

    def _pass_all(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection(self._target, timeout=60) as server:
                client.settimeout(60)
                while self._pass_one(client, server):
                    pass
        except OSError:
            return  # one of the two has gone

    def _pass_one(self, client: socket.socket, server: socket.socket) -> bool:
        """A request and its answer; whether the connection goes on."""
        request = _read_message(client)
        if not request:
            return False
        cut = self._chance.choice(CUTS) if self._chance.randrange(self.every) == 0 else None
        if cut:
            self.cuts[cut] += 1
        if cut == "before the request":
            return self._break(client)
        if cut == "within the request":
            server.sendall(request[: self._chance.randrange(1, len(request))])
            return self._break(client)
        server.sendall(request)
        answer = _read_message(server)
        if cut == "before the answer" or not answer:
            return self._break(client)
        if cut == "within the answer":
            client.sendall(answer[: self._chance.randrange(1, len(answer))])
            return self._break(client)
        client.sendall(answer)
        return True

    def _break(self, client: socket.socket) -> bool:
        if self._chance.random() < 0.5:  # a reset, rather than an end
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False


def _read_message(connection: socket.socket) -> bytes:
    """A whole request or answer; less where the connection ends before."""
    message = b""
    while b"\r\n\r\n" not in message:
        if not (piece := connection.recv(1 << 16)):
            return message
        message += piece
    head, _, body = message.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    missing = (int(length[1]) if length else 0) - len(body)
    while missing > 0 and (piece := connection.recv(min(missing, 1 << 16))):
        message += piece
        missing -= len(piece)
    return message
