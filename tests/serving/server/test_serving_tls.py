"""TLS changes nothing: slow clients delay no others, and problems are reported."""

import http.client
import json
import os
import pty
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from serving.client import CallError, Client
from serving.config import Config
from serving.server import launcher as run
from suite.cli import group
from suite.errors import UsageError

pytestmark = pytest.mark.alone

THREADS, CRAWLING = 4, 40
TEXTS = 4000
ASKED = json.dumps({"model": "reviews", "instances": ["good"]})
MANY = json.dumps({"model": "reviews", "instances": ["good"] * TEXTS})


class Service:
    """A service over TLS, its certificate, and a client context."""

    def __init__(self, service: run.Service, certificate: Path) -> None:
        self.service, self.certificate = service, certificate
        self.address = service.url.partition("://")[2]
        self.trusting = ssl.create_default_context(cafile=certificate)

    def connect(self) -> socket.socket:
        host, port = self.address.split(":")
        return socket.create_connection((host, int(port)), timeout=20)

    def asking(self) -> Any:
        return closing(http.client.HTTPSConnection(self.address, timeout=20, context=self.trusting))

    def ask(self, body: str = ASKED) -> tuple[int, Any]:
        with self.asking() as connection:
            connection.request("POST", "/predict", body)
            response = connection.getresponse()
            return response.status, json.load(response)

    def wait(self) -> None:
        """Wait until the service answers."""
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.ask()[0] == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def secured(light: Path, certificate: tuple[Path, Path]) -> Iterator[Service]:
    file, key = map(str, certificate)
    config = Config(models=light, port=0, workers=1, threads=THREADS, certificate=file, private_key=key)
    with run.started(config) as service:
        secured = Service(service, certificate[0])
        secured.wait()
        yield secured


def test_requests_are_answered_and_closed(secured: Service) -> None:
    with secured.asking() as connection:
        for headers in ({}, {}, {"Expect": "100-continue"}, {"Connection": "close"}):
            for body in (ASKED, ASKED + " " * 2**20):
                connection.request("POST", "/predict", body, headers)
                response = connection.getresponse()
                assert b"predictions" in response.read()
                assert response.status == 200
        assert connection.sock is None


def test_dozens_that_crawl_delay_nobody(secured: Service) -> None:
    hello = ssl.MemoryBIO()
    shaking = secured.trusting.wrap_bio(ssl.MemoryBIO(), hello, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        shaking.do_handshake()
    half = hello.read()[:100]
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"
    with ExitStack() as stack:
        for number in range(CRAWLING):
            connection = stack.enter_context(secured.connect())
            if number % 2:
                connection.sendall(half)
            else:
                over = secured.trusting.wrap_socket(connection, server_hostname="127.0.0.1")
                stack.enter_context(over).sendall(head)
        begun = time.monotonic()
        assert secured.ask()[0] == 200
        assert time.monotonic() - begun < 0.5


@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_a_long_answer_arrives_whole_however_it_is_read(secured: Service, pause: float) -> None:
    with closing(secured.connect()) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**15)
        with secured.trusting.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(MANY)}\r\n\r\n"
            connection.sendall(f"{head}{MANY}".encode())
            time.sleep(pause)
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert len(json.load(response)["predictions"]) == TEXTS


def test_our_client_asks_who_shows_a_certificate_it_trusts(secured: Service, tmp_path: Path) -> None:
    url = f"https://{secured.address}"
    with Client(url, certificate=secured.certificate) as client:
        assert len(client.predict(["good", "bad"], "reviews")) == 2
    with Client(url, retries=0) as wary, pytest.raises(CallError, match=r"self-signed.*--certificate"):
        wary.models()
    with Client(f"http://{secured.address}") as plain, pytest.raises(CallError, match="ask https://"):
        plain.models()
    for name in ("nothing", "empty"):
        (tmp_path / "empty").touch()
        with pytest.raises(UsageError, match="holds no certificate"):
            Client(url, certificate=tmp_path / name)
    text = tmp_path / "a.txt"
    text.write_text("good")
    command = ["call", "reviews", str(text), "--url", url, "--certificate", str(secured.certificate)]
    assert CliRunner().invoke(group, command).exit_code == 0


def test_plain_http_is_told(secured: Service) -> None:
    with closing(http.client.HTTPConnection(secured.address, timeout=20)) as connection:
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        assert response.status == 400
        assert "https://" in json.load(response)["error"]


def test_what_is_no_handshake_ends_its_connection_alone(secured: Service) -> None:
    with secured.asking() as other:
        other.request("POST", "/predict", ASKED)
        assert other.getresponse().read()
        for garbage in (b"\x00" * 50, b"\x16\x03\x01\xff\xff" + b"x" * 70_000, b"SSH-2.0-x\r\n"):
            with closing(secured.connect()) as connection:
                connection.sendall(garbage)
                with suppress(ConnectionResetError):
                    while connection.recv(1000):
                        pass
        other.request("POST", "/predict", ASKED)
        assert other.getresponse().status == 200


def test_a_worker_in_the_place_of_another_has_its_certificate_though_the_file_is_broken(secured: Service) -> None:
    whole = secured.certificate.read_bytes()
    secured.certificate.write_bytes(whole[:300])
    children = Path(f"/proc/{secured.service.pid}/task/{secured.service.pid}/children")
    try:
        before = children.read_text()
        os.kill(int(before), signal.SIGKILL)
        secured.wait()
        assert children.read_text() != before
    finally:
        secured.certificate.write_bytes(whole)


def test_what_is_no_certificate_is_told_at_the_start(light: Path, tmp_path: Path) -> None:
    files = [tmp_path / "cert.pem", tmp_path / "key.pem"]
    for file in files:
        file.write_text("nothing")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    told = ["--certificate", str(files[0]), "--private-key", str(files[1]), "--models", str(light), "--port", port]
    ended = subprocess.run(
        [sys.executable, "-m", "suite", "serve", *told], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "are no certificate with its key" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_key_with_a_password_is_told_at_the_start_and_asks_nobody(
    light: Path, tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    encrypted = tmp_path / "encrypted.pem"
    encrypt = ["openssl", "pkey", "-in", str(certificate[1]), "-aes128", "-passout", "pass:abcd", "-out"]
    subprocess.run([*encrypt, str(encrypted)], check=True, capture_output=True)
    environment = {
        **os.environ, "SUITE_MODELS": str(light), "SUITE_PORT": "0",
        "SUITE_CERTIFICATE": str(certificate[0]), "SUITE_PRIVATE_KEY": str(encrypted),
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", "python:serving.server.gunicorn_conf", run.APPLICATION]
    # With a terminal of its own, the service could ask for the password there.
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, environment)
    with os.fdopen(terminal, "rb", 0) as output, suppress(OSError):
        told = b""
        while part := output.read(4000):
            told += part
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 1
    assert f"{encrypted} is encrypted with a password: write it without one".encode() in told
    assert b"Traceback" not in told
