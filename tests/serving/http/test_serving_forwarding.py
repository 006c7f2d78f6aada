"""Forwarding headers are used only if they come from trusted proxies."""

import shutil
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from serving.app import create_app
from serving.config import Config
from serving.errors import ServiceError
from serving.http.forwarding import TrustedProxies
from serving.http.messages import Request
from suite.errors import UsageError

SAID = {"x-forwarded-proto": "https", "x-forwarded-prefix": "/ml/", "x-forwarded-for": "203.0.113.9, 10.0.0.2"}


def applied(trusted: str, client: str, **headers: str) -> tuple[str, str, str]:
    """Return scheme, prefix and client of a request after its forwarding headers were applied."""
    given = {name.replace("_", "-"): value for name, value in headers.items()} or SAID
    request = Request("GET", "/", headers=given, client=client, root_path="/own")
    TrustedProxies(trusted).apply(request)
    return request.scheme, request.root_path, request.client


@pytest.mark.parametrize(
    ("trusted", "client", "found"),
    [
        ("127.0.0.1", "127.0.0.1", ("https", "/ml", "10.0.0.2")),
        ("127.0.0.1,10.0.0.0/8", "127.0.0.1", ("https", "/ml", "203.0.113.9")),
        ("*", "198.51.100.1", ("https", "/ml", "203.0.113.9")),
        ("127.0.0.1", "10.0.0.2", ("http", "/own", "10.0.0.2")),
        ("", "127.0.0.1", ("http", "/own", "127.0.0.1")),
        ("127.0.0.1", "", ("http", "/own", "")),
        # So the kernel writes IPv4 addresses on a socket that listens on IPv6.
        ("127.0.0.1", "::ffff:127.0.0.1", ("https", "/ml", "10.0.0.2")),
        ("::ffff:127.0.0.0/104", "127.0.0.1", ("https", "/ml", "10.0.0.2")),
        ("::ffff:127.0.0.0/104", "10.0.0.1", ("http", "/own", "10.0.0.1")),
        ("::/0", "127.0.0.1", ("http", "/own", "127.0.0.1")),
    ],
)
def test_trusted_proxies_are_believed(trusted: str, client: str, found: tuple[str, str, str]) -> None:
    assert applied(trusted, client) == found


@pytest.mark.parametrize(
    ("said", "client"),
    [
        ("[2001:db8::1]:123", "2001:db8::1"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("203.0.113.9:80", "203.0.113.9"),
        ("unknown", ""),
        ("_hidden", ""),
    ],
)
def test_addresses_are_read_as_proxies_write_them(said: str, client: str) -> None:
    assert applied("127.0.0.1", "127.0.0.1", x_forwarded_for=said)[2] == client


@pytest.mark.parametrize("prefix", ["ml", "/a/../b", "//evil.example", "/a?b", "/<script>", "/a b"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    with pytest.raises(ServiceError, match="X-Forwarded-Prefix is"):
        applied("127.0.0.1", "127.0.0.1", x_forwarded_prefix=prefix)


def test_what_names_no_proxies_is_told() -> None:
    with pytest.raises(UsageError, match="give addresses like"):
        TrustedProxies("proxy.local")


@pytest.fixture(scope="module")
def client(light: Path, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    store = shutil.copytree(light, tmp_path_factory.mktemp("store") / "models")
    app = create_app(Config(models=store, root_path="/own", admin_token="t"))
    assert app.extensions["service"].repository.wait(60)
    return app.test_client()


def test_who_comes_through_a_proxy_of_this_machine_is_not_on_it(client: FlaskClient) -> None:
    headers = {"Authorization": "bearer t"}
    at = "/v2/repository/models/reviews/load"
    assert client.post(at, headers=headers).status_code == 200
    forwarded = headers | {"X-Forwarded-For": "203.0.113.9"}
    assert client.post(at, headers=forwarded).status_code == 403


def test_who_is_on_this_machine_may_come_by_either_kind_of_address(client: FlaskClient) -> None:
    for address, status in (("::1", 200), ("::ffff:127.0.0.1", 200), ("::ffff:203.0.113.9", 403)):
        response = client.post(
            "/v2/repository/models/reviews/load", headers={"Authorization": "bearer t"},
            environ_base={"REMOTE_ADDR": address},
        )  # fmt: skip
        assert response.status_code == status


def test_bad_prefixes_never_reach_a_page(client: FlaskClient) -> None:
    assert client.get("/models", headers={"X-Forwarded-Prefix": "/<script>"}).status_code == 400
