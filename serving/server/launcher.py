"""Starts gunicorn: in place of this process, or as a child for as long as a block lasts."""

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

POLL = 0.05
GRACE = 25.0
LAST_LINES = 15


@dataclass(frozen=True)
class Service:
    """A running service: where it answers, its master process and the file it logs to."""

    url: str
    pid: int
    log: Path


APPLICATION = "serving.app:create_app()"


def command(config: Config, listening: int | None = None, application: str = APPLICATION) -> list[str]:
    """The command that starts gunicorn, on an open socket's descriptor or else on the host and port."""
    bind = f"fd://{listening}" if listening is not None else f"{config.host}:{config.port}"
    settings = "python:serving.server.gunicorn_conf"
    return [sys.executable, "-m", "gunicorn", "-c", settings, "--bind", bind, application]


def environment(config: Config, base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment for `command`."""
    return {**base, **config.environment()}


def listen(host: str, port: int) -> socket.socket:
    """A socket listening on the address (port 0: any free one); SuiteError when it cannot be had."""
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
    """Become the service, on a socket from `listen`."""
    listening.set_inheritable(True)
    arguments = command(config, listening.fileno())
    os.execve(arguments[0], arguments, environment(config))


@contextmanager
def running(
    models: Path, *, workers: int = 1, threads: int = Config.threads, host: str = "127.0.0.1", port: int = 0,
    engine: str = "auto", deadline: float = 90.0,
) -> Iterator[str]:  # fmt: skip
    """The URL of a service of `models` that is ready and that stops with the block, or with this process or thread.

    SuiteError with the log's last lines when it ends, or is not ready within `deadline` seconds.
    """
    config = Config(models=models, workers=workers, threads=threads, host=host, port=port, engine=engine)
    with started(config) as service:
        wait_ready(service, workers, deadline)
        yield service.url


@contextmanager
def started(config: Config, application: str = APPLICATION) -> Iterator[Service]:
    """A service that was started, perhaps not ready yet, and is stopped at the end of the block."""
    listening = listen(config.host, config.port)
    host, port = listening.getsockname()[:2]
    config = replace(config, models=config.models.absolute(), port=port, parent=os.getpid())
    with tempfile.NamedTemporaryFile(prefix="suite-serve-", suffix=".log") as log:
        with listening:
            process = _spawn(config, listening, log, application)
        try:
            yield Service(f"http://{f'[{host}]' if ':' in host else host}:{port}", process.pid, Path(log.name))
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
        # Ctrl-C in a terminal reaches this process only, which then stops the service in order.
        process_group=0,
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_ready(service: Service, workers: int, deadline: float) -> None:
    """Return once every worker is ready; SuiteError with the log when that does not come about in time."""
    end = time.monotonic() + deadline
    while True:
        status, body = _ask(service.url)
        if status == 200 and body["workers_ready"] >= workers:
            return
        if status != 200 and body.get("state") in ("failed", "empty"):
            raise SuiteError(f"nothing can be served: {body['error']}")
        if not _alive(service.pid) or time.monotonic() > end:
            raise SuiteError(f"the service did not become ready; its log ends:\n{_tail(service.log)}")
        time.sleep(POLL)


def _ask(url: str) -> tuple[int, dict[str, Any]]:
    """Status and body of /readyz; status 0 while nothing answers."""
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
    """Whether a child of this process still runs; it is left for its Popen to collect."""
    with suppress(ChildProcessError):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
