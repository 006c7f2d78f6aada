"""Searches on a Ray cluster of one machine, which the tests start and stop."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from simulated import outcomes, search
from trainings import FOLDER, initialize, train_with_crashes

from suite.errors import SuiteError, UsageError
from tuning.ray_executor import RayExecutor

pytest.importorskip("ray", reason="Ray is not installed: pip install 'suite[ray]'")
ADDRESS = "127.0.0.1:6399"
pytestmark = [
    # Ray's own, of files and processes that it leaves to the end of the interpreter.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster with two cores whose processes see the tests' modules."""
    folder = tmp_path_factory.mktemp("ray")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
        FOLDER: str(folder),
    }
    host, port = ADDRESS.split(":")
    short = tempfile.mkdtemp(prefix="ray-")  # its sockets need a path of less than 107 bytes
    command = [
        Path(sys.executable).with_name("ray"), "start", "--head", "--block", f"--node-ip-address={host}",
        f"--port={port}", "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats",
        f"--temp-dir={short}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait(host, int(port))
        yield str(folder)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        shutil.rmtree(short, ignore_errors=True)


def _wait(host: str, port: int) -> None:
    import socket

    until = monotonic() + 60
    while True:
        try:
            socket.create_connection((host, port), 1).close()
            return
        except OSError:
            assert monotonic() < until, "Ray did not start"


def test_a_cluster_gives_the_same_trials_as_this_process_despite_lost_workers(cluster: str, tmp_path: Path) -> None:
    with RayExecutor(ADDRESS, 1, initialize, (), timeout=5.0) as executor:
        trials = search(tmp_path, trials=6, work=train_with_crashes, executor=executor)
    assert Path(cluster, "1").exists()
    assert Path(cluster, "2").exists()
    assert outcomes(trials) == outcomes(search(tmp_path / "whole", trials=6))


def test_an_error_on_the_cluster_is_raised_here(cluster: str) -> None:
    with RayExecutor(ADDRESS, 1, initialize, (), None) as executor, pytest.raises(ZeroDivisionError):
        executor.submit(divmod, 1, 0).result()


def test_an_address_without_a_cluster_fails_soon() -> None:
    started = monotonic()
    with pytest.raises(SuiteError, match=r"nobody answers at 127.0.0.1:9 .*: begin a cluster with 'ray start --head'"):
        RayExecutor("127.0.0.1:9", 1, initialize, (), None)
    assert monotonic() - started < 15


def test_an_invalid_address_is_refused() -> None:
    with pytest.raises(UsageError, match="'somewhere' is no address of a Ray cluster"):
        RayExecutor("somewhere", 1, initialize, (), None)
