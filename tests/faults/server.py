"""A server in a process of its own, which can be killed and comes back where it was."""

from __future__ import annotations

import socket

from tests.faults.place import Place, wait
from tests.faults.zygote import Program

__all__ = ["Server"]


class Server:
    """A server over a place's store, on one port for ever."""

    def __init__(self, place: Place) -> None:
        self._place = place
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        arguments = {"uri": self._place.store_uri, "port": self.port}
        self._program: Program = self._place.start("serve", arguments)

    def wait_until_it_listens(self) -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=10).close()
            except OSError:
                assert not self._program.has_ended, self._program.log.read_text()
                wait(0.005)
            else:
                return

    def kill(self) -> None:
        self._program.kill()
