"""Starts gunicorn: in place of this process, or as a child process for the duration of a `with` block."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any, NoReturn

from serving.config import Config
from suite.errors import SuiteError

POLL_INTERVAL = 0.05
STOP_TIMEOUT = 25.0
LAST_LINES = 15


@dataclass(frozen=True)
class Service:
    """A running service: its URL, the id of its master process and its log file."""

    url: str
    pid: int
    log: Path


APPLICATION = "serving.app:create_app()"


def command(config: Config, listening: int | None = None, application: str = APPLICATION) -> list[str]:
    """Return the command that starts gunicorn, on the descriptor `listening` if given, else on the host and port."""
    bind = f"fd://{listening}" if listening is not None else config.address
    settings = "python:serving.server.gunicorn_conf"
    return [sys.executable, "-m", "gunicorn", "-c", settings, "--bind", bind, application]


def environment(config: Config, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment variables for `command`."""
    return {**base, **config.environment()}


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address (port 0: any free port); raise SuiteError if that fails."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        raise SuiteError(f"'{host}' is no address to listen on ({error}): use 127.0.0.1 or 0.0.0.0") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(2048)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SuiteError(f"cannot listen on {host}:{port} ({reason}): choose another with --host or --port") from error
    return listening


def execute(config: Config, listening: socket.socket) -> NoReturn:
    """Replace this process with the service, on a socket from `listen`."""
    listening.set_inheritable(True)
    arguments = command(config, listening.fileno())
    os.execve(arguments[0], arguments, environment(config))


@contextmanager
def running(
    models: Path, *, workers: int = 1, threads: int = Config.threads, host: str = "127.0.0.1", port: int = 0,
    engine: str = "auto", deadline: float = 90.0,
) -> Iterator[str]:  # fmt: skip
    """Run a service for the folder `models` until the block, this process or thread ends; yield its URL once ready.

    Raise SuiteError with the last lines of the log if the service exits or is not ready within `deadline` seconds.
    """
    config = Config(models=models, workers=workers, threads=threads, host=host, port=port, engine=engine)
    with started(config) as service:
        wait_ready(service, workers, deadline)
        yield service.url


@contextmanager
def started(config: Config, application: str = APPLICATION) -> Iterator[Service]:
    """Start a service, yield it without waiting until it is ready, and stop it at the end of the block."""
    listening = listen(config.host, config.port)
    host, port = listening.getsockname()[:2]
    config = replace(config, models=config.models.absolute(), port=port, parent=os.getpid())
    with tempfile.NamedTemporaryFile(prefix="suite-serve-", suffix=".log") as log:
        with listening:
            process = _spawn(config, listening, log, application)
        try:
            yield Service(f"http://{replace(config, host=host).address}", process.pid, Path(log.name))
        finally:
            _stop(process)


def _spawn(config: Config, listening: socket.socket, log: IO[bytes], application: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(config, listening.fileno(), application),
        env=environment(config),
        pass_fds=[listening.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        # Ctrl-C in a terminal then reaches only this process, which stops the service in an orderly way.
        process_group=0,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_ready(service: Service, workers: int, deadline: float) -> None:
    """Wait until every worker is ready; raise SuiteError with the log if that takes over `deadline` seconds."""
    end = time.monotonic() + deadline
    while True:
        status, body = _ask(service.url)
        if status == 200 and body["workers_ready"] >= workers:
            return
        if status != 200 and body.get("state") in ("failed", "empty"):
            raise SuiteError(f"nothing can be served: {body['error']}")
        if not _alive(service.pid) or time.monotonic() > end:
            raise SuiteError(f"the service did not become ready; its log ends:\n{_tail(service.log)}")
        time.sleep(POLL_INTERVAL)


def _ask(url: str) -> tuple[int, dict[str, Any]]:
    """Return status and body of /readyz; the status is 0 while nothing answers."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (OSError, HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()


def _alive(pid: int) -> bool:
    """Return whether a child process still runs, without collecting its exit status: its Popen does that."""
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
