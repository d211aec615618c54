"""Requests over real sockets: what is repeated and what is not, how long it waits, what the user is told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from runstone.errors import (
    AccessDenied,
    InvalidInput,
    NotActive,
    NotAuthenticated,
    NotFound,
    RunstoneError,
    StoreError,
    StoreUnavailable,
)
from runstone.remote.address import parse_address
from runstone.remote.pool import MAX_CONNECTIONS
from runstone.remote.transport import Call, HttpSession
from runstone.version import __version__
from tests.remote.scripted import CUT, HANG, RESET, Scene, ScriptedServer, reply

READ = Call(verb="GET", path="/x?a=1", is_repeatable=True)
SAFE = Call(verb="POST", path="/safe", body=b'{"a": 1}', is_repeatable=True)
UNSAFE = Call(verb="POST", path="/unsafe", body=b'{"a": 1}', is_repeatable=False)

Start = Callable[..., ScriptedServer]


def fault(code: str, status: int, **headers: str) -> Scene:
    return reply(json.dumps({"error_code": code, "message": f"about {code}"}).encode(), status, **headers)


PAGE = b"<!doctype html><html><head><title>Sign in\n to go on</title></head><body>...</body></html>"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers that play scenes."""
    servers: list[ScriptedServer] = []

    def start(*scenes: Scene, port: int = 0) -> ScriptedServer:
        servers.append(ScriptedServer(*scenes, port=port))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Patience:
    """Stands for sleeping: remembers how long it would have been."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []
        self.then: Callable[[], object] = lambda: None

    def __call__(self, wait_s: float) -> None:
        self.waits_s.append(wait_s)
        self.then()


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
def connect(patience: Patience) -> Iterator[Callable[[str], HttpSession]]:
    """Makes sessions that do not really wait."""
    sessions: list[HttpSession] = []

    def connect(url: str) -> HttpSession:
        sessions.append(HttpSession(parse_address(url), sleep=patience))
        return sessions[-1]

    yield connect
    for session in sessions:
        session.close()


Connect = Callable[[str], HttpSession]


class TestConnections:
    def test_requests_follow_each_other_on_one_connection(self, start: Start, connect: Connect) -> None:
        server = start()
        session = connect(server.url)
        for call in (READ, SAFE, UNSAFE, READ):
            assert session.ask(call).body == b"{}"
        assert server.connections == 1
        assert [one.target for one in server.arrived] == ["/x?a=1", "/safe", "/unsafe", "/x?a=1"]
        assert server.arrived[1].body == b'{"a": 1}'
        assert server.arrived[0].headers["user-agent"] == f"runstone/{__version__}"

    def test_a_path_before_the_routes_is_kept(self, start: Start, connect: Connect) -> None:
        server = start()
        connect(f"{server.url}/team/mlflow/").ask(READ)
        assert server.arrived[0].target == "/team/mlflow/x?a=1"

    def test_a_connection_that_the_server_closed_between_requests_is_made_anew(
        self, start: Start, connect: Connect, patience: Patience
    ) -> None:
        server = start(reply(then="close"), reply(then="close"), reply())
        session = connect(server.url)
        for call in (READ, UNSAFE):
            session.ask(call)
            server.wait_for_end()
        session.ask(UNSAFE)
        assert (len(server.arrived), server.connections) == (3, 3)
        assert patience.waits_s == []

    def test_threads_share_a_bounded_number_of_connections(self, start: Start, connect: Connect) -> None:
        server = start()
        session = connect(server.url)
        together = threading.Barrier(40)
        bodies = []

        def ask() -> None:
            together.wait()
            for _ in range(5):
                bodies.append(session.ask(SAFE).body)

        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert bodies == [b"{}"] * 200
        assert server.connections <= MAX_CONNECTIONS

    def test_a_closed_session_connects_again(self, start: Start, connect: Connect) -> None:
        server = start()
        session = connect(server.url)
        session.ask(READ)
        session.close()
        session.close()
        session.ask(READ)
        assert server.connections == 2


class TestBrokenConnections:
    @pytest.mark.parametrize(
        "broken", [CUT, RESET, reply(b"{", length=99, then="close"), Scene(b"HTTP/1.1 200", "close")]
    )
    @pytest.mark.parametrize("call", [READ, SAFE], ids=["read", "safe"])
    def test_what_is_as_good_twice_is_sent_again(
        self, start: Start, connect: Connect, broken: Scene, call: Call
    ) -> None:
        server = start(broken, broken, reply(b'{"a": 2}'))
        assert connect(server.url).ask(call).body == b'{"a": 2}'
        assert [one.body for one in server.arrived] == [call.body or b""] * 3

    @pytest.mark.parametrize("broken", [CUT, RESET, reply(b"{", length=99, then="close")])
    def test_what_is_unsafe_twice_is_sent_once(
        self, start: Start, connect: Connect, patience: Patience, broken: Scene
    ) -> None:
        server = start(broken)
        with pytest.raises(
            StoreUnavailable, match=r"gave no answer to POST /unsafe: .*closed.*may have been carried out"
        ):
            connect(server.url).ask(UNSAFE)
        assert (len(server.arrived), patience.waits_s) == (1, [])

    def test_it_gives_up_after_as_many_repeats_as_are_set(
        self, start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        server = start(*[CUT] * 9)
        with pytest.raises(
            StoreUnavailable, match=f"127.0.0.1:{server.port} gave no answer to GET /x: .*tried 4 times"
        ):
            connect(server.url).ask(READ)
        assert len(server.arrived) == 4
        monkeypatch.setenv("RUNSTONE_HTTP_REQUEST_MAX_RETRIES", "0")
        with pytest.raises(StoreUnavailable):
            connect(server.url).ask(READ)
        assert len(server.arrived) == 5

    def test_waits_double_are_random_and_bounded(
        self, start: Start, connect: Connect, patience: Patience, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "12")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0.25")
        server = start(*[CUT] * 12)
        connect(server.url).ask(READ)
        assert len(patience.waits_s) == 12
        for number, wait_s in enumerate(patience.waits_s):
            assert 0 <= wait_s <= min(0.25 * 2**number, 30)
        assert len(set(patience.waits_s)) == 12

    @pytest.mark.parametrize("call", [READ, UNSAFE], ids=["read", "unsafe"])
    def test_a_server_that_is_not_there_yet_is_tried_again(
        self, start: Start, connect: Connect, patience: Patience, call: Call
    ) -> None:
        gone = start()
        gone.close()
        late: list[ScriptedServer] = []
        patience.then = lambda: late or late.append(start(port=gone.port))
        assert connect(gone.url).ask(call).body == b"{}"
        assert len(late[0].arrived) == 1

    def test_a_server_that_cannot_be_reached_is_named_with_the_reason_and_the_remedy(
        self, start: Start, connect: Connect
    ) -> None:
        gone = start()
        gone.close()
        with pytest.raises(StoreUnavailable) as caught:
            connect(f"http://ada:secret@127.0.0.1:{gone.port}/base").ask(UNSAFE)
        assert str(caught.value) == (
            f"Cannot reach the tracking server http://127.0.0.1:{gone.port}/base: connection refused (tried 6 times); "
            "check that it runs, and that the tracking URI is right"
        )
        assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"

    def test_a_host_without_an_address_is_named(self, connect: Connect) -> None:
        with pytest.raises(StoreUnavailable, match=r"no\.such\.host\.invalid: the name of its host is not known"):
            connect("http://no.such.host.invalid").ask(READ)

    def test_what_is_not_http_is_said_so(self, start: Start, connect: Connect) -> None:
        server = start(*[Scene(b"220 mail.example ESMTP\r\n", "close")] * 6)
        with pytest.raises(StoreUnavailable, match="is not HTTP"):
            connect(server.url).ask(READ)

    def test_an_answer_that_does_not_come_is_waited_for_no_longer_than_is_set(
        self, start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.1")
        server = start(HANG, HANG, reply(), HANG)
        session = connect(server.url)
        assert session.ask(SAFE).body == b"{}"
        with pytest.raises(StoreUnavailable, match=r"no answer to POST /unsafe: no answer came in time"):
            session.ask(UNSAFE)
        assert len(server.arrived) == 4

    def test_an_answer_that_stalls_within_is_asked_for_again(
        self, start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.1")
        server = start(reply(b"{", length=2, then="hang"), reply())
        assert connect(server.url).ask(READ).body == b"{}"


class TestStatuses:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_what_may_pass_is_asked_again(self, start: Start, connect: Connect, status: int) -> None:
        server = start(reply(PAGE, status), fault("INTERNAL_ERROR", status), reply())
        assert connect(server.url).ask(SAFE).body == b"{}"
        assert len(server.arrived) == 3

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_what_is_unsafe_twice_is_not_asked_again(self, start: Start, connect: Connect, status: int) -> None:
        server = start(reply(PAGE, status))
        with pytest.raises(StoreUnavailable, match=f"POST {server.url}/unsafe was answered with HTTP status {status}"):
            connect(server.url).ask(UNSAFE)
        assert len(server.arrived) == 1

    @pytest.mark.parametrize("busy", [reply(b"", 429), reply(b"", 408), fault("X", 503, Retry_After="0")])
    def test_what_was_not_carried_out_is_always_asked_again(self, start: Start, connect: Connect, busy: Scene) -> None:
        server = start(busy, reply())
        assert connect(server.url).ask(UNSAFE).body == b"{}"

    @pytest.mark.parametrize(
        ("retry_after", "low", "high"),
        [
            ("7", 7, 7),
            ("0", 0, 0.5),
            ("99999999999999999999", 60, 60),
            ("Fri, 31 Dec 2100 23:59:59 GMT", 60, 60),
            ("Mon, 01 Jan 2001 00:00:00 GMT", 0, 0.5),
            ("soon", 0, 0.5),
            ("-1", 0, 0.5),
        ],
    )
    def test_the_servers_own_wish_is_heeded_within_a_bound(
        self, start: Start, connect: Connect, patience: Patience, retry_after: str, low: float, high: float
    ) -> None:
        server = start(fault("TEMPORARILY_UNAVAILABLE", 503, Retry_After=retry_after))
        connect(server.url).ask(READ)
        (wait_s,) = patience.waits_s
        assert low <= wait_s <= high

    @pytest.mark.parametrize(
        ("code", "status", "kind"),
        [
            ("RESOURCE_DOES_NOT_EXIST", 404, NotFound),
            ("INVALID_PARAMETER_VALUE", 400, InvalidInput),
            ("INVALID_STATE", 500, NotActive),
            ("SOMETHING_NEW", 418, RunstoneError),
        ],
    )
    def test_a_refusal_surfaces_at_once_with_the_servers_words(
        self, start: Start, connect: Connect, code: str, status: int, kind: type[RunstoneError]
    ) -> None:
        server = start(fault(code, status))
        with pytest.raises(kind, match=f"^about {code}$"):
            connect(server.url).ask(READ)
        assert len(server.arrived) == 1

    def test_the_last_of_many_refusals_says_how_many(self, start: Start, connect: Connect) -> None:
        server = start(*[fault("INTERNAL_ERROR", 500)] * 6)
        with pytest.raises(StoreError, match=r"about INTERNAL_ERROR \(asked 6 times\)"):
            connect(server.url).ask(READ)

    def test_a_route_that_the_server_lacks_is_not_taken_for_a_missing_run(self, start: Start, connect: Connect) -> None:
        server = start(reply(PAGE, 404))
        with pytest.raises(RunstoneError, match="no such endpoint") as caught:
            connect(server.url).ask(READ)
        assert not isinstance(caught.value, NotFound)

    def test_a_refusal_in_html_shows_the_title_alone(self, start: Start, connect: Connect) -> None:
        server = start(reply(PAGE, 400))
        with pytest.raises(InvalidInput, match=r"an HTML page \('Sign in to go on'\)$"):
            connect(server.url).ask(READ)


class TestRedirects:
    def test_a_read_follows_on_the_same_server(self, start: Start, connect: Connect) -> None:
        server = start(reply(b"", 302, Location="/y"), reply(b"", 307, Location="z?b=2"), reply(b'{"a": 3}'))
        assert connect(server.url).ask(READ).body == b'{"a": 3}'
        assert [one.target for one in server.arrived] == ["/x?a=1", "/y", "/z?b=2"]

    def test_nothing_follows_to_another_server(self, start: Start, connect: Connect) -> None:
        other = start()
        server = start(reply(b"", 302, Location=f"http://bob:pw@127.0.0.1:{other.port}/login?token=secret"))
        with pytest.raises(StoreUnavailable, match=f"redirect to http://127.0.0.1:{other.port}/login, which is not"):
            connect(server.url).ask(READ)
        assert other.arrived == []

    def test_a_write_does_not_follow(self, start: Start, connect: Connect) -> None:
        server = start(reply(b"", 307, Location="/y"))
        with pytest.raises(StoreUnavailable, match="redirect"):
            connect(server.url).ask(SAFE)
        assert len(server.arrived) == 1

    def test_a_circle_ends(self, start: Start, connect: Connect) -> None:
        server = start(*[reply(b"", 302, Location=f"/{number}") for number in range(20)])
        with pytest.raises(StoreUnavailable, match="in a circle"):
            connect(server.url).ask(READ)
        assert len(server.arrived) < 10


class TestCredentials:
    @pytest.mark.parametrize(
        ("variables", "user_info", "header"),
        [
            ({}, "", None),
            ({"MLFLOW_TRACKING_TOKEN": "t0k"}, "", "Bearer t0k"),
            ({"MLFLOW_TRACKING_TOKEN": " t0k\n"}, "", "Bearer t0k"),
            ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "pä:ss"}, "", "Basic YWRhOnDDpDpzcw=="),
            ({"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_TOKEN": "t0k"}, "", "Basic YWRhOg=="),
            ({"MLFLOW_TRACKING_TOKEN": "t0k"}, "ada:p%C3%A4%3Ass@", "Basic YWRhOnDDpDpzcw=="),
            ({"MLFLOW_TRACKING_TOKEN": "a", "RUNSTONE_TRACKING_TOKEN": "b"}, "", "Bearer b"),
        ],
    )
    def test_credentials_come_from_the_uri_or_the_environment(
        self,
        start: Start,
        connect: Connect,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        user_info: str,
        header: str | None,
    ) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        server = start()
        connect(f"http://{user_info}127.0.0.1:{server.port}").ask(READ)
        assert server.arrived[0].headers.get("authorization") == header

    def test_a_token_that_changes_is_seen_at_the_next_request(
        self, start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = start()
        session = connect(server.url)
        for token in ("one", "two"):
            monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
            session.ask(READ)
        assert [one.headers["authorization"] for one in server.arrived] == ["Bearer one", "Bearer two"]

    def test_a_token_that_no_header_can_hold_is_refused_and_not_shown(
        self, start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret\r\nX-Evil: 1")
        server = start()
        with pytest.raises(InvalidInput, match="MLFLOW_TRACKING_TOKEN") as caught:
            connect(server.url).ask(READ)
        assert "secret" not in str(caught.value)
        assert server.arrived == []

    @pytest.mark.parametrize("answer", [reply(PAGE, 401), fault("UNAUTHENTICATED", 401), reply(b"", 401)])
    def test_missing_credentials_are_said_at_once_with_the_remedy(
        self, start: Start, connect: Connect, answer: Scene
    ) -> None:
        server = start(answer)
        with pytest.raises(
            NotAuthenticated, match="set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or"
        ) as caught:
            connect(server.url).ask(READ)
        assert caught.value.error_code == "UNAUTHENTICATED"
        assert len(server.arrived) == 1

    def test_wrong_credentials_are_named_by_where_they_come_from(
        self, start: Start, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
        server = start(reply(b"", 401), reply(b"", 401))
        with pytest.raises(NotAuthenticated, match="check the credentials that MLFLOW_TRACKING_TOKEN gives") as caught:
            connect(server.url).ask(READ)
        assert "secret" not in str(caught.value)
        with pytest.raises(NotAuthenticated, match="check the user name and password in the tracking URI") as caught:
            connect(f"http://ada:secret@127.0.0.1:{server.port}").ask(READ)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("answer", [reply(PAGE, 403), fault("PERMISSION_DENIED", 403)])
    def test_what_is_forbidden_is_said_at_once(self, start: Start, connect: Connect, answer: Scene) -> None:
        server = start(answer)
        with pytest.raises(AccessDenied, match=f"{server.url} refuses this") as caught:
            connect(server.url).ask(UNSAFE)
        assert type(caught.value) is AccessDenied
        assert caught.value.error_code == "PERMISSION_DENIED"
        assert len(server.arrived) == 1


class TestFetching:
    def test_a_body_that_breaks_off_is_fetched_again_from_its_start(self, start: Start, connect: Connect) -> None:
        import io

        server = start(reply(b"abc", length=6, then="close"), reply(b"abcdef"))
        head, sink = connect(server.url).fetch(READ, lambda head: io.BytesIO())
        assert (head.status, sink.read()) == (200, b"abcdef")

    def test_a_sink_that_fails_ends_it_and_frees_the_connection(self, start: Start, connect: Connect) -> None:
        import io

        class Full(io.BytesIO):
            def write(self, data: object) -> int:
                raise OSError(28, "No space left on device")

        server = start(*[reply(b"abcdef")] * (MAX_CONNECTIONS + 2))
        session = connect(server.url)
        for _ in range(MAX_CONNECTIONS + 1):
            with pytest.raises(OSError, match="No space"):
                session.fetch(READ, lambda head: Full())
        assert session.ask(READ).body == b"abcdef"


def test_a_port_where_nobody_answers_is_given_up(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "0.1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.create_connection(("127.0.0.1", port))]  # fills the queue
        with pytest.raises(StoreUnavailable, match=r"in time|came about"):
            connect(f"http://127.0.0.1:{port}").ask(UNSAFE)
        for one in waiting:
            one.close()
