"""Searches on a Ray cluster of one machine, which the tests start and stop."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from simulated import outcomes, search
from trainings import FOLDER, initialize, train_with_crashes

from suite.errors import SuiteError, UsageError
from tuning.ray_executor import RayExecutor

pytest.importorskip("ray", reason="Ray is not installed: pip install 'neural-suite[ray]'")
HOST = "127.0.0.1"
pytestmark = [
    # Ray's own, of files and processes that it leaves to the end of the interpreter.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
]


@dataclass(frozen=True)
class Cluster:
    """A cluster's address, and the folder in which its processes count."""

    address: str
    folder: Path


@contextmanager
def started(folder: Path, **environment: str) -> Iterator[Cluster]:
    """A cluster with two cores whose processes see the tests' modules."""
    whole = os.environ | environment | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
        FOLDER: str(folder),
    }  # fmt: skip
    # Its sockets need a path of less than 107 bytes.
    short = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    port, client_port, agent_port = (free_port() for _ in range(3))
    command = [
        Path(sys.executable).with_name("ray"), "start", "--head", "--block", f"--node-ip-address={HOST}",
        f"--port={port}", f"--ray-client-server-port={client_port}", f"--dashboard-agent-listen-port={agent_port}",
        "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={short}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=whole, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait(HOST, port)
        yield Cluster(f"{HOST}:{port}", folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        shutil.rmtree(short, ignore_errors=True)


def free_port() -> int:
    """A port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that asks for no token."""
    with started(tmp_path_factory.mktemp("ray")) as running:
        yield running


def _wait(host: str, port: int) -> None:
    until = monotonic() + 60
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            assert monotonic() < until, "Ray did not start"


def in_another_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function returns there: Ray ends the process that uses a cluster where the cluster seems to be gone."""
    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        return executor.submit(function, *arguments).result(timeout=240)


def outcomes_on(address: str, folder: Path) -> Any:
    """The outcomes of a search whose trainings lose workers."""
    with RayExecutor(address, 1, initialize, (), timeout=5.0) as executor:
        return outcomes(search(folder, trials=6, work=train_with_crashes, executor=executor))


def divide_on(address: str) -> Any:
    """Divide by zero on the cluster."""
    with RayExecutor(address, 1, initialize, (), None) as executor:
        return executor.submit(divmod, 1, 0).result()


def test_a_cluster_gives_the_same_trials_as_this_process_despite_lost_workers(cluster: Cluster, tmp_path: Path) -> None:
    found = in_another_process(outcomes_on, cluster.address, tmp_path)
    assert (cluster.folder / "1").exists()
    assert (cluster.folder / "2").exists()
    assert found == outcomes(search(tmp_path / "whole", trials=6))


def test_an_error_on_the_cluster_is_raised_here(cluster: Cluster) -> None:
    with pytest.raises(ZeroDivisionError):
        in_another_process(divide_on, cluster.address)


def test_an_address_without_a_cluster_fails_soon() -> None:
    started = monotonic()
    with pytest.raises(SuiteError, match=r"nobody answers at 127.0.0.1:9 .*: begin a cluster with 'ray start --head'"):
        RayExecutor("127.0.0.1:9", 1, initialize, (), None)
    assert monotonic() - started < 15


def test_a_cluster_that_asks_for_a_token_says_so(tmp_path: Path) -> None:
    # In a process of its own: Ray reads how to authenticate only once.
    with started(tmp_path, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a" * 64) as cluster:
        code = f"from tuning.ray_executor import RayExecutor; RayExecutor({cluster.address!r}, 1, print, (), None)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "SuiteError" in done.stderr.splitlines()[-1]
    assert "asks for one: set RAY_AUTH_MODE=token" in done.stderr.splitlines()[-1]


def test_an_invalid_address_is_refused() -> None:
    with pytest.raises(UsageError, match="'somewhere' is no address of a Ray cluster"):
        RayExecutor("somewhere", 1, initialize, (), None)
