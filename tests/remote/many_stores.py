"""A server process for many tests: each name at the start of a path is a server of its own, with a store of its own.

    python -m tests.remote.many_stores FOLDER

Prints its port. `DELETE /NAME` ends the server of that name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

from starlette.types import Message, Receive, Scope, Send

from runstone.server.app import App
from runstone.server.options import ServerOptions
from runstone.server.serve import bind, serve
from runstone.serving import create_app


class ManyServers:
    """An ASGI application that makes the application of a name when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._apps: dict[str, App] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        name, _, rest = scope["path"].lstrip("/").partition("/")
        if not rest:
            await self._end(name)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        if name not in self._apps:
            self._apps[name] = create_app(
                ServerOptions(tracking_uri=str(self._folder / name), static_prefix=f"/{name}")
            )
        await self._apps[name](scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        for name in list(self._apps):
            await self._end(name)
        await send({"type": message["type"] + ".complete"})

    async def _end(self, name: str) -> None:
        app = self._apps.pop(name, None)
        if app is not None:
            await app({"type": "lifespan"}, _shutdown, _ignore)


async def _shutdown() -> Message:
    return {"type": "lifespan.shutdown"}


async def _ignore(message: Message) -> None:
    pass


def main(folder: str) -> None:
    listener = bind("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    options = ServerOptions(tracking_uri=folder)
    serve(options, cast("Any", lambda _: ManyServers(Path(folder))), listener)


if __name__ == "__main__":
    main(sys.argv[1])
