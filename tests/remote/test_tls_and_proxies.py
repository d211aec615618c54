"""TLS with authorities made for the test, and proxies; over real sockets."""

from __future__ import annotations

import base64
import gc
import ssl
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from runstone.errors import InvalidInput, StoreUnavailable
from runstone.remote.address import parse_address
from runstone.remote.transport import Call, HttpSession
from tests.remote.scripted import ScriptedServer, Tunnel

READ = Call(verb="GET", path="/x", is_repeatable=True)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """An authority that no system trusts."""
    return trustme.CA()


@pytest.fixture
def authority_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture
def server(authority: trustme.CA) -> Iterator[ScriptedServer]:
    """A server with a certificate of the authority."""
    server = ScriptedServer(tls=server_context(authority))
    yield server
    server.close()


@pytest.fixture
def plain_server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def ask() -> Iterator[Callable[[str], bytes]]:
    """Asks once, in a session of its own that never really waits."""
    waits_s: list[float] = []
    sessions: list[HttpSession] = []

    def ask(url: str) -> bytes:
        sessions.append(HttpSession(parse_address(url), sleep=waits_s.append))
        return sessions[-1].ask(READ).body

    yield ask
    for session in sessions:
        session.close()


Ask = Callable[[str], bytes]


class TestTls:
    def test_an_unknown_authority_is_refused_at_once_with_the_remedy(self, server: ScriptedServer, ask: Ask) -> None:
        with pytest.raises(StoreUnavailable, match=r"certificate is not trusted.*MLFLOW_TRACKING_SERVER_CERT_PATH"):
            ask(server.url)
        assert (server.connections, server.arrived) == (1, [])

    @pytest.mark.parametrize(
        "name", ["MLFLOW_TRACKING_SERVER_CERT_PATH", "RUNSTONE_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE"]
    )
    def test_an_authority_that_is_named_is_trusted(
        self, server: ScriptedServer, ask: Ask, authority_file: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv(name, str(authority_file))
        assert ask(server.url) == b"{}"

    def test_a_certificate_for_another_name_is_refused(
        self, authority: trustme.CA, ask: Ask, authority_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority_file))
        server = ScriptedServer(tls=server_context(authority, "other.example"))
        with pytest.raises(StoreUnavailable, match="certificate is not trusted"):
            ask(server.url)
        server.close()

    def test_without_checks_any_certificate_will_do_and_python_warns(
        self, server: ScriptedServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        with pytest.warns(Warning, match="Unverified HTTPS request"):
            assert ask(server.url) == b"{}"

    def test_no_checks_and_an_authority_contradict_each_other(
        self, ask: Ask, authority_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority_file))
        with pytest.raises(InvalidInput, match="MLFLOW_TRACKING_INSECURE_TLS and MLFLOW_TRACKING_SERVER_CERT_PATH"):
            ask("https://127.0.0.1:1")

    @pytest.mark.parametrize("name", ["MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"])
    def test_a_file_that_is_missing_is_named(self, ask: Ask, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setenv(name, "/no/such.pem")
        with pytest.raises(InvalidInput, match=f"'/no/such.pem', which {name} names"):
            ask("https://127.0.0.1:1")

    def test_a_client_certificate_is_shown_where_the_server_wants_one(
        self,
        authority: trustme.CA,
        ask: Ask,
        authority_file: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority_file))
        context = server_context(authority)
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
        server = ScriptedServer(tls=context)
        with pytest.raises(StoreUnavailable, match=r"CLIENT_CERT_PATH|closed before the answer|TLS failed"):
            ask(server.url)
        mine = tmp_path / "mine.pem"
        authority.issue_cert("ada@example.org").private_key_and_cert_chain_pem.write_to_path(str(mine))
        monkeypatch.setenv("MLFLOW_TRACKING_CLIENT_CERT_PATH", str(mine))
        assert ask(server.url) == b"{}"
        server.close()

    def test_a_server_that_speaks_no_tls_is_said_so(self, plain_server: ScriptedServer, ask: Ask) -> None:
        with pytest.raises(StoreUnavailable, match="does not speak TLS; maybe its address begins with http://"):
            ask(f"https://127.0.0.1:{plain_server.port}")
        assert plain_server.connections == 1


class TestProxies:
    def test_http_goes_to_the_proxy_with_the_whole_address(
        self, plain_server: ScriptedServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", f"http://ada:s%3Acret@127.0.0.1:{plain_server.port}")
        assert ask("http://tracking.example:5000/base") == b"{}"
        (request,) = plain_server.arrived
        assert request.target == "http://tracking.example:5000/base/x"
        assert request.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"ada:s:cret").decode()

    @pytest.mark.parametrize("value", ["127.0.0.1", "localhost,127.0.0.1:{port}", "*"])
    def test_some_servers_are_reached_without_it(
        self, plain_server: ScriptedServer, ask: Ask, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", value.format(port=plain_server.port))
        assert ask(plain_server.url) == b"{}"

    def test_https_goes_through_a_tunnel(
        self, server: ScriptedServer, ask: Ask, authority_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tunnel = Tunnel(server.port)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnel.port}")
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority_file))
        assert ask(server.url) == b"{}"
        assert [(one.verb, one.target) for one in tunnel.arrived] == [("CONNECT", f"127.0.0.1:{server.port}")]
        tunnel.close()

    def test_a_proxy_that_refuses_is_not_asked_again(
        self, server: ScriptedServer, ask: Ask, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tunnel = Tunnel(status=403)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{tunnel.port}")
        with warnings.catch_warnings():
            # http.client of Python 3.10 leaves the socket of a refused tunnel to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            with pytest.raises(StoreUnavailable, match=r"the proxy did not connect to it \(.*403"):
                ask(server.url)
            gc.collect()
        assert len(tunnel.arrived) == 1
        tunnel.close()

    def test_a_proxy_that_is_not_there_is_said_so(self, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        with pytest.raises(StoreUnavailable, match=r"the proxy did not connect to it .*tried 6 times"):
            ask("http://tracking.example")

    def test_a_proxy_of_an_unknown_kind_is_refused(self, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALL_PROXY", "socks5://ada:secret@proxy.example:1080")
        with pytest.raises(InvalidInput, match=r"proxy at 'proxy\.example'.*socks5") as caught:
            ask("http://tracking.example")
        assert "secret" not in str(caught.value)


def test_a_checked_server_raises_no_warning(
    server: ScriptedServer, ask: Ask, authority_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(authority_file))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ask(server.url) == b"{}"
