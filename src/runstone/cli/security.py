"""What `runstone doctor --security` looks at: what of a store or a server is open to others."""

from __future__ import annotations

import ipaddress
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from runstone import settings
from runstone.cli.findings import Finding
from runstone.cli.session import Session
from runstone.cli.text import counted
from runstone.entities.access import EVERYONE, Role, Scope
from runstone.errors import RunstoneError

if TYPE_CHECKING:
    from runstone.stores.access import AccessStore

__all__ = ["look_at_security"]

_STRANGER = "stranger.invalid"
_TIMEOUT_S = 10


def look_at_security(session: Session) -> Iterator[Finding]:
    """Of a server what anybody can see of it; of a store its files, users, tokens and grants."""
    if settings.ALLOW_MODEL_CODE.get():
        text = "on: load_model runs whatever code a model's files bring; set it for single programs alone"
        yield Finding(name=settings.ALLOW_MODEL_CODE.name, status="warning", text=text)
    if session.is_on_server:
        yield from _look_at_server(session.uri)
        return
    path = session.database_path
    if path is not None:
        yield _look_at_file(path)
        if not path.exists():
            return
    from runstone.cli.access_store import open_access

    with open_access(session) as access:
        yield from _look_at_users(access)


# -- a store


def _look_at_file(path: Path) -> Finding:
    if not path.exists():
        return Finding(name="database file", text=f"{path} is not there yet")
    mode = stat.S_IMODE(path.stat().st_mode)
    folder = stat.S_IMODE(path.parent.stat().st_mode)
    if mode & stat.S_IWOTH or (folder & stat.S_IWOTH and not folder & stat.S_ISVTX):
        text = f"every user of this machine can write {path}: chmod -R o-w {path.parent}"
        return Finding(name="database file", status="error", text=text)
    if mode & stat.S_IROTH and folder & stat.S_IXOTH:
        text = f"every user of this machine can read {path}, hashes of passwords too: chmod o-rwx {path.parent}"
        return Finding(name="database file", status="warning", text=text)
    return Finding(name="database file", status="ok", text="only its owner and group can read it")


def _look_at_users(access: AccessStore) -> Iterator[Finding]:
    users = access.list_users()
    if not users:
        text = (
            "none: a server over this store answers everybody; make an admin (`runstone users add`), start with --auth"
        )
        yield Finding(name="users", status="warning", text=text)
        return
    admins = [one.name for one in users if one.role is Role.ADMIN]
    yield Finding(name="users", status="ok", text=f"{len(users)}, of whom admins: {', '.join(admins)}")
    endless = [one for one in access.list_tokens() if one.expiry_time is None]
    powerful = [one for one in endless if one.scope is Scope.ADMIN]
    if endless:
        text = (
            f"{counted(len(endless), 'token')} never end, {len(powerful)} of them of the scope admin: --days ends them"
        )
        yield Finding(name="tokens", status="warning" if powerful else "info", text=text)
    else:
        yield Finding(name="tokens", status="ok", text="all end by themselves")
    public = [one for one in access.list_grants() if one.group == EVERYONE]
    text = f"{counted(len(public), 'grant')} to everyone" if public else "none to everyone"
    yield Finding(name="grants", status="info" if public else "ok", text=text)


# -- a server


def _look_at_server(url: str) -> Iterator[Finding]:
    is_near = _is_loopback(urlsplit(url).hostname or "")
    if url.startswith("https://"):
        yield Finding(name="way", status="ok", text="encrypted (https)")
    elif is_near:
        yield Finding(name="way", status="ok", text="not encrypted, but it does not leave this machine")
    else:
        text = "not encrypted (http): passwords and tokens can be read on the way; use --tls-cert or a proxy with TLS"
        yield Finding(name="way", status="error", text=text)
    try:
        yield from _ask(url.rstrip("/"), is_near)
    except RunstoneError as error:
        yield Finding(name="server", status="error", text=str(error))


def _ask(url: str, is_near: bool) -> Iterator[Finding]:
    search = f"{url}/api/2.0/mlflow/experiments/search?max_results=1"
    if _status(search)[0] == 200:
        text = "it answers everybody who can reach it: start it with --auth"
        yield Finding(name="login", status="warning" if is_near else "error", text=text)
    else:
        yield Finding(name="login", status="ok", text="nobody is answered without one")
        if _status(f"{url}/metrics")[0] == 200:
            yield Finding(name="metrics", status="warning", text="/metrics is open: it tells how much is recorded")
    if _status(f"{url}/health", {"Host": _STRANGER})[0] == 200:
        text = "it goes by any name: name those it has with --allowed-hosts, against DNS rebinding"
        yield Finding(name="host names", status="warning", text=text)
    else:
        yield Finding(name="host names", status="ok", text="unknown ones are refused")
    if "access-control-allow-origin" in _status(f"{url}/health", {"Origin": f"https://{_STRANGER}"})[1]:
        text = "pages of any origin may use it with a user's rights: name single ones with --cors-origins"
        yield Finding(name="origins", status="error", text=text)
    else:
        yield Finding(name="origins", status="ok", text="pages of others are kept out")


def _status(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, set[str]]:
    """The status of an answer to nobody in particular, and the names of its headers."""
    import urllib3

    from runstone.errors import StoreUnavailable

    try:
        answer = urllib3.request("GET", url, headers=headers, timeout=_TIMEOUT_S, retries=False, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise StoreUnavailable(f"Cannot reach {url}: {error}") from error
    return answer.status, {name.lower() for name in answer.headers}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
