"""gunicorn's settings, from the same environment as the service. Nothing heavy is imported here: this is the master."""

import os
import shutil
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from gunicorn import sock

from serving import memory
from serving.config import PREFIX, Config, traces_wanted
from serving.observability import metrics
from serving.server import worker
from serving.server.parent_death import die_with
from suite.errors import UsageError

RUNTIME = f"{PREFIX}RUNTIME"
# Seconds that workers which are to be replaced go on while others load their models.
LONGEST_LOADING = 30.0

_given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


def _variables() -> dict[str, str]:
    """The settings as they are now; UsageError."""
    settings = Config.from_environment(_given).settings
    return _given | (Config.of_file(Path(settings)) if settings else {})


def _read() -> Config:
    """The settings as they are now, put where the workers read them; UsageError."""
    variables = _variables()
    config = Config.from_environment(variables)
    for name in {*os.environ, *variables} - {RUNTIME}:
        if name in variables:
            os.environ[name] = variables[name]
        elif name.startswith(PREFIX):
            del os.environ[name]
    return config


_config = _read()
# By the certificate as it was at the start or at the last SIGHUP: workers that take the place of others have that too.
_tls: ssl.SSLContext | None = None
if traces_wanted():
    try:
        from serving.observability import tracing
    except UsageError as error:
        raise SystemExit(f"Error: {error}") from None
_memory = Path("/dev/shm")
_shared = str(_memory) if os.access(_memory, os.W_OK) else tempfile.gettempdir()
# Of this master: where its workers count.
if not _config.runtime:
    os.environ[RUNTIME] = tempfile.mkdtemp(prefix="suite-", dir=_shared)
_runtime = Path(os.environ[RUNTIME])

bind = f"{_config.host}:{_config.port}"
worker_class = "serving.server.worker.Worker"
workers = _config.workers
threads = _config.threads
timeout = _config.timeout
graceful_timeout = 20
keepalive = 30
# Models are loaded after the fork: TensorFlow does not survive one.
preload_app = False
# Workers prove that they live by touching a file: not on a disk that may stall.
worker_tmp_dir = _shared
control_socket_disable = True
errorlog = "-"
certfile = _config.certificate or None
keyfile = _config.private_key or None
loglevel = "info"


def when_ready(server: Any) -> None:
    """Have the workers know when the whole service ends; replace none before the new ones have loaded their models."""
    stop, manage, reload = server.stop, server.manage_workers, server.reload

    def announced(*arguments: Any, **named: Any) -> None:
        worker.announce_end()
        stop(*arguments, **named)

    def patient() -> None:
        until = monotonic() + LONGEST_LOADING
        while len(server.WORKERS) > server.num_workers and monotonic() < until:
            newest = sorted(server.WORKERS, key=lambda pid: server.WORKERS[pid].age)[-server.num_workers :]
            if all(metrics.is_ready(_runtime, pid) for pid in newest):
                break
            sleep(0.05)
        manage()

    def checked() -> None:
        problem = _obstacle()
        if problem:
            server.log.error("no worker is replaced: %s", problem)
        else:
            reload()

    server.stop, server.manage_workers, server.reload = announced, patient, checked


def _obstacle() -> str:
    """Why new workers could not answer by the files that there are now; the service would end with them."""
    try:
        config = Config.from_environment(_variables())
    except UsageError:
        config = _config
    try:
        if config.keys:
            from serving.http import auth as access  # where it is needed: it brings more than a master has

            access.read(Path(config.keys))
        if config.certificate:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(config.certificate, config.private_key or None)
    except UsageError as error:
        return str(error)
    except OSError as error:
        return f"{config.certificate} and {config.private_key} are no certificate with its key ({error}): mend them"
    return ""


def _read_certificate(server: Any) -> None:
    """What connections are wrapped by; as it was where the files are none, since they are being replaced just now."""
    global _tls
    before, _tls = _tls, None
    try:
        if _config.certificate:
            sock.ssl_context(server.cfg)
    except OSError as error:
        _tls = before
        server.log.error("the certificate stays as it was: %s cannot be taken (%s)", _config.certificate, error)


def ssl_context(settings: object, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """What connections are wrapped by."""
    global _tls
    _tls = _tls or make()
    return _tls


def child_exit(server: Any, ended: Any) -> None:
    """A worker's connections are those of nobody now; what it counted counts on."""
    ended.ended()
    try:
        metrics.end(_runtime, ended.pid)
    except OSError as error:
        server.log.warning("%s cannot be written to (%s): what a worker counted is lost", _runtime, error.strerror)


def worker_exit(server: object, ended: object) -> None:
    """In the worker: what is left of its traces goes out."""
    if traces_wanted():
        tracing.end()


def on_exit(server: object) -> None:
    """Leave nothing behind."""
    shutil.rmtree(_runtime, ignore_errors=True)


def on_reload(server: Any) -> None:
    """At SIGHUP: new workers, by the settings that there are now, take the place of those that there are."""
    global _config
    try:
        _config = _read()
    except UsageError as error:
        server.log.error("the settings stay as they were: %s", error)
    for name in ("workers", "threads", "timeout"):
        server.cfg.set(name, getattr(_config, name))
    server.cfg.set("certfile", _config.certificate or None)
    server.cfg.set("keyfile", _config.private_key or None)
    server.num_workers, server.timeout = _config.workers, _config.timeout
    _read_certificate(server)


def on_starting(server: Any) -> None:
    """End where no worker could answer; and with the process that started the service, where it asked for that."""
    problem = _obstacle()
    if problem:
        on_exit(server)
        raise SystemExit(f"Error: {problem}")
    _read_certificate(server)
    memory.tune()
    if _config.parent:
        die_with(_config.parent)
