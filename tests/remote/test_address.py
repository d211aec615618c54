"""What a tracking URI says of a server."""

from __future__ import annotations

import pytest

from runstone.errors import InvalidInput
from runstone.remote.address import ServerAddress, is_server_uri, parse_address, without_credentials


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("http://host", "http://host"),
        ("http://host:80/", "http://host"),
        ("https://Host.Example:443/a/b//", "https://host.example/a/b"),
        ("HTTP://host:5000", "http://host:5000"),
        ("http://[::1]:5000/x", "http://[::1]:5000/x"),
        ("https://ada:pw@host/x", "https://host/x"),
        (" http://host\n", "http://host"),
    ],
)
def test_the_url_is_in_its_shortest_form_without_credentials(uri: str, url: str) -> None:
    assert parse_address(uri).url == url


def test_credentials_are_decoded() -> None:
    address = parse_address("https://ad%40a:p%3Aw@host")
    assert address == ServerAddress(scheme="https", host="host", port=443, user="ad@a", password="p:w")


@pytest.mark.parametrize(
    "uri", ["http://", "http:///x", "http://ada:secret@host:port", "http://host/?a=secret", "http://h#x"]
)
def test_what_names_no_server_is_refused_without_its_password(uri: str) -> None:
    with pytest.raises(InvalidInput, match="https://HOST:PORT") as caught:
        parse_address(uri)
    assert "ada:secret" not in str(caught.value)


@pytest.mark.parametrize("uri", ["http://h", "https://h", "HTTPS://h"])
def test_http_uris_name_servers(uri: str) -> None:
    assert is_server_uri(uri)


@pytest.mark.parametrize("uri", ["http", "/http://x", "file:///x", "sqlite:///http:", "databricks", "httpx://h"])
def test_other_uris_do_not(uri: str) -> None:
    assert not is_server_uri(uri)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("https://ada:s@cret@host:1/x", "https://host:1/x"),
        ("https://host/a@b", "https://host/a@b"),
        ("postgresql://ada:secret@host/db", "postgresql://host/db"),
        ("some/folder@home", "some/folder@home"),
    ],
)
def test_credentials_can_be_left_out_of_any_uri(uri: str, shown: str) -> None:
    assert without_credentials(uri) == shown
