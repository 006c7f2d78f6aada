"""gunicorn's settings, from the same environment as the service's. The master runs this: it imports nothing heavy."""

import os
import shutil
import ssl
import tempfile
from pathlib import Path
from typing import Any

from serving import memory
from serving.config import PREFIX, Config, traces_wanted
from serving.http import auth, forwarding
from serving.observability import metrics
from serving.server import tls
from serving.server.arbiter import Replacement
from serving.server.parent_death import die_with
from serving.server.shared_state import Slot
from suite.errors import UsageError

RUNTIME = f"{PREFIX}RUNTIME"

_given = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}


def _read() -> tuple[Config, dict[str, str]]:
    """Return the current settings, and their environment variables; raise UsageError if they are invalid."""
    settings = Config.from_environment(_given).settings
    variables = _given | (Config.of_file(Path(settings)) if settings else {})
    return Config.from_environment(variables), variables


def _export(variables: dict[str, str]) -> None:
    """Write the settings to the environment, where workers read them."""
    for name in {*os.environ, *variables} - {RUNTIME}:
        if name in variables:
            os.environ[name] = variables[name]
        elif name.startswith(PREFIX):
            del os.environ[name]


_config, _variables = _read()
_export(_variables)
if traces_wanted():
    try:
        from serving.observability import tracing
    except UsageError as error:
        raise SystemExit(f"Error: {error}") from None
_memory = Path("/dev/shm")
_shared = str(_memory) if os.access(_memory, os.W_OK) else tempfile.gettempdir()
# The folder in which this master's workers keep their metrics.
if not _config.runtime:
    os.environ[RUNTIME] = tempfile.mkdtemp(prefix="suite-", dir=_shared)
_runtime = Path(os.environ[RUNTIME])

bind = _config.address
worker_class = "serving.server.worker.Worker"
workers = _config.workers
timeout = _config.timeout
graceful_timeout = 20
# Models are loaded after the fork: TensorFlow does not survive one.
preload_app = False
# Workers show that they are alive by touching a file. It must not be on a disk, which may stall.
worker_tmp_dir = _shared
control_socket_disable = True
errorlog = "-"
loglevel = "info"


def on_starting(server: Any) -> None:
    """Exit if no worker could answer; tie this process to its parent if the settings ask for that."""
    try:
        _use_files(*_read_files(_config))
    except UsageError as error:
        on_exit(server)
        raise SystemExit(f"Error: {error}") from None
    memory.tune()
    if _config.parent:
        die_with(_config.parent)


def when_ready(server: Any) -> None:
    """Install our way of replacing workers."""
    Replacement(server, lambda pid: metrics.is_ready(_runtime, pid), lambda: _reload_settings(server))


def _reload_settings(server: Any) -> str:
    """Apply the current settings, keys and certificate, on SIGHUP; return why workers could not use them, or ""."""
    global _config
    config, variables = _config, None
    try:
        config, variables = _read()
    except UsageError as error:
        server.log.error("the settings stay as they were: %s", error)
    try:
        context, keys = _read_files(config)
    except UsageError as error:
        return str(error)
    # From here on nothing can fail, so that the settings are applied as a whole or not at all. Each file was read once,
    # because it may be another one by now.
    if variables is not None:
        _export(variables)
    _config = config
    _use_files(context, keys)
    for name in ("workers", "timeout"):
        server.cfg.set(name, getattr(_config, name))
    server.num_workers, server.timeout = _config.workers, _config.timeout
    return ""


def _read_files(config: Config) -> tuple[ssl.SSLContext | None, list[auth.Key] | None]:
    """Read the certificate and the keys; raise UsageError if workers could not start with them."""
    forwarding.TrustedProxies(config.trusted_proxies)
    return tls.create_context(config), auth.read(Path(config.keys)) if config.keys else None


def _use_files(context: ssl.SSLContext | None, keys: list[auth.Key] | None) -> None:
    """Hand the certificate and the keys to the workers that are forked from now on."""
    tls.use(context)
    auth.use(keys)


def child_exit(server: Any, worker: Any) -> None:
    """Clear the slot of a worker that has exited, and keep what it counted in the metrics."""
    Slot(worker.age).clear()
    try:
        metrics.retire(_runtime, worker.pid)
    except OSError as error:
        server.log.warning("%s cannot be written to (%s): what a worker counted is lost", _runtime, error.strerror)


def worker_exit(server: object, worker: object) -> None:
    """Send the remaining traces; called in the worker."""
    if traces_wanted():
        tracing.end()


def on_exit(server: object) -> None:
    """Remove the runtime folder."""
    shutil.rmtree(_runtime, ignore_errors=True)
