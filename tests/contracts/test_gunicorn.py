"""What is used of gunicorn beyond what its documents promise is there, and does what it is used for."""

import ast
import inspect
import signal
from pathlib import Path

import pytest
from gunicorn import arbiter, sock
from gunicorn.workers.base import Worker as BaseWorker

from serving.server.worker import Worker

# Modules that may use such names.
USERS = ("arbiter.py", "worker.py")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("stop", ["graceful"]),
        ("reload", []),
        ("manage_workers", []),
        ("spawn_worker", []),
        ("kill_worker", ["pid", "sig"]),
    ],
)
def test_the_master_has_the_methods_that_are_taken_over(name: str, parameters: list[str]) -> None:
    method = getattr(arbiter.Arbiter, name)
    assert list(inspect.signature(method).parameters) == ["self", *parameters]


def test_the_master_calls_them_where_it_is_supposed_to() -> None:
    source = inspect.getsource(arbiter.Arbiter)
    assert "self.manage_workers()" in inspect.getsource(arbiter.Arbiter.run)
    assert "self.reload()" in inspect.getsource(arbiter.Arbiter.handle_hup)
    assert "self.stop()" in inspect.getsource(arbiter.Arbiter.halt)
    for name in ("self.WORKERS", "self.num_workers", "self.worker_age", "self.timeout"):
        assert name in source


def test_a_signal_for_the_master_waits_for_nothing_but_the_one_before() -> None:
    assert isinstance(inspect.getattr_static(arbiter.Arbiter, "num_workers"), property)
    assert {"SIGHUP", "SIGTERM"} <= {signal.Signals(number).name for number in arbiter.Arbiter.SIGNALS}


def test_a_worker_has_what_is_used() -> None:
    assert issubclass(Worker, BaseWorker)
    assert list(inspect.signature(BaseWorker.__init__).parameters) == [
        "self", "age", "ppid", "sockets", "app", "timeout", "cfg", "log",
    ]  # fmt: skip
    for name in ("init_process", "init_signals", "load_wsgi", "notify", "run"):
        assert callable(getattr(BaseWorker, name))
    # Handlers are set before the application is loaded, and `run` is what comes last.
    source = inspect.getsource(BaseWorker.init_process)
    assert source.index("self.init_signals()") < source.index("self.load_wsgi()") < source.index("self.run()")
    assert "self.sock = " in inspect.getsource(sock.BaseSocket.__init__)


def test_only_two_modules_know_gunicorn() -> None:
    for path in Path("serving").rglob("*.py"):
        imported = {
            name.name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in node.names
        }
        knows = any(str(name).partition(".")[0] == "gunicorn" for name in imported)
        assert not knows or (path.parent.name == "server" and path.name in USERS), path
