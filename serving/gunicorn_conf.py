"""gunicorn's settings, from the same environment as the service. Nothing heavy is imported here: this is the master."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from serving import metrics, worker
from serving.config import Config, traces_wanted
from serving.process import die_with
from suite.errors import UsageError

_config = Config.from_environment()
if traces_wanted():
    try:
        from serving import tracing
    except UsageError as error:
        raise SystemExit(f"Error: {error}") from None
_memory = Path("/dev/shm")
_shared = str(_memory) if os.access(_memory, os.W_OK) else tempfile.gettempdir()
# Of this master: where its workers count.
if not _config.runtime:
    os.environ["SUITE_RUNTIME"] = tempfile.mkdtemp(prefix="suite-", dir=_shared)
_runtime = Path(os.environ["SUITE_RUNTIME"])

bind = f"{_config.host}:{_config.port}"
worker_class = "serving.worker.Worker"
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
    """Have the workers know when the whole service ends."""
    stop = server.stop

    def announced(*arguments: Any, **named: Any) -> None:
        worker.announce_end()
        stop(*arguments, **named)

    server.stop = announced


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


def on_starting(server: object) -> None:
    """End with the process that started the service, where it asked for that."""
    if _config.parent:
        die_with(_config.parent)
