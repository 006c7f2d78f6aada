"""On disks that are really full, the service still answers, and reports what is lost."""

import fcntl
import json
import os
import resource
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import pytest

from serving.config import Config
from serving.server import launcher as run

pytestmark = pytest.mark.alone

BODY = b'{"model": "reviews", "instances": ["good"]}'
DEADLINE = 30.0
# Bytes for the metrics of one worker and little more.
TINY = 100 * 1024
MOUNTED = 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"'
UNSHARED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNTED, "sh"]


class Service:
    """A service that was started in a special environment."""

    def __init__(self, url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.url, self.process, self.log = url, process, log

    def ask(self, path: str = "/predict", body: bytes | None = BODY) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", body, timeout=10) as response:
            return str(response.read().decode())

    def predictions(self) -> Any:
        return json.loads(self.ask())["predictions"]

    def counted(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        lines = self.ask("/metrics", None).splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name))

    def worker(self) -> int:
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def until_ready(self) -> None:
        self.until(lambda: json.loads(self.ask("/readyz", None))["state"] == "ready")

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while True:
            with suppress(urllib.error.URLError, ConnectionError):
                if condition():
                    return
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.05)


@contextmanager
def serving(
    config: Config, log: Path, *, stdout: IO[bytes] | int = subprocess.DEVNULL, stderr: IO[bytes] | None = None,
    wrapped: tuple[str, ...] = (), limit: int = 0,
) -> Iterator[Service]:  # fmt: skip
    """Start a service under the command `wrapped`, with files of at most `limit` bytes (0: unlimited)."""
    listening = run.listen("127.0.0.1", 0)
    with listening, log.open("wb") as errors:
        process = subprocess.Popen(
            [*wrapped, *run.command(config, listening.fileno())],
            env=run.environment(config), pass_fds=[listening.fileno()], stdout=stdout, stderr=stderr or errors,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None,
        )  # fmt: skip
        service = Service(f"http://127.0.0.1:{listening.getsockname()[1]}", process, log)
    try:
        service.until_ready()
        yield service
    finally:
        process.terminate()
        process.wait(DEADLINE)


def test_a_full_disk_under_the_access_log_is_counted_and_stops_nobody(light: Path, tmp_path: Path) -> None:
    config = Config(models=light, workers=1, access_log=True)
    with Path("/dev/full").open("wb") as full, serving(config, tmp_path / "log", stdout=full) as service:
        before = service.counted("suite_log_errors_total")
        for _ in range(200):
            assert service.predictions()
        service.until(lambda: service.counted("suite_log_errors_total") >= before + 200)
        assert service.process.poll() is None


def test_a_log_that_nobody_reads_stops_nobody(light: Path, tmp_path: Path) -> None:
    config = Config(models=light, workers=1, access_log=True)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with (
        os.fdopen(reading, "rb") as unread,
        os.fdopen(writing, "wb") as full,
        serving(config, tmp_path / "log", stdout=full) as service,
    ):
        for _ in range(200):
            assert service.predictions()
        # Then the test reads, and gets the waiting lines.
        for _, line in zip(range(150), unread, strict=False):
            assert json.loads(line)["worker"] == service.worker()
        assert service.counted("suite_log_errors_total") == 0
        begun = time.monotonic()
    assert time.monotonic() - begun < 10
    assert "Fatal" not in (tmp_path / "log").read_text()


def test_a_full_disk_under_all_logs_stops_nobody(light: Path, tmp_path: Path) -> None:
    config = Config(models=light, workers=1, access_log=True)
    with (
        Path("/dev/full").open("wb") as full,
        serving(config, tmp_path / "log", stdout=full, stderr=full) as service,
    ):
        for _ in range(50):
            assert service.predictions()
        before = service.worker()
        os.kill(before, signal.SIGKILL)
        service.until(lambda: service.worker() != before and bool(service.predictions()))


def test_a_worker_without_room_for_its_numbers_answers_and_counts_for_itself(light: Path, tmp_path: Path) -> None:
    config = Config(models=light, workers=1, runtime=str(tmp_path / "runtime"))
    log = tmp_path / "log"
    with serving(config, log, limit=16 * 1024) as service:
        for _ in range(5):
            assert service.predictions()
        assert service.counted('suite_requests_total{model="reviews"') == 5
        (line,) = [line for line in log.read_text().splitlines() if "runtime" in line]
        assert "cannot be written to (File too large): what this worker counts is not in the sums" in line


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return a folder, and a command prefix that mounts a file system of TINY bytes there for one process."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    wrapped = (*UNSHARED, str(TINY), str(folder))
    skip_unless_it_runs(wrapped, "a small file system")
    return folder, wrapped


def skip_unless_it_runs(wrapped: tuple[str, ...], what: str) -> None:
    """Skip the test if the command that provides `what` cannot be used."""
    try:
        done = subprocess.run([*wrapped, "true"], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip(f"there is no 'unshare' here to make {what} with")
    if done.returncode:
        pytest.skip(f"{what} cannot be made here: {done.stderr.strip()}")


def seen_by(service: Service, path: Path) -> Path:
    """Return the path of a file as the service sees it."""
    return Path(f"/proc/{service.process.pid}/root{path}")


def fill(folder: Path) -> Path:
    """Fill the disk with a file."""
    with suppress(OSError), (folder / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))
    with suppress(OSError), (folder / "filling").open("ab", buffering=0) as file:
        file.write(b"x")
        raise AssertionError("there is room left")
    return folder / "filling"


def test_numbers_go_on_when_their_disk_fills_up_and_none_is_lost_once_there_is_room(
    light: Path, tmp_path: Path, tiny: tuple[Path, tuple[str, ...]]
) -> None:
    folder, wrapped = tiny
    with serving(Config(models=light, workers=1, runtime=str(folder)), tmp_path / "log", wrapped=wrapped) as service:
        filling = fill(seen_by(service, folder))
        for _ in range(5):
            # Metrics with new names, more than fit into the rest of a page.
            for path in ("/v1/models/none", "/v2/models/none", "/none"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    service.ask(path, None)
            assert service.predictions()
        assert service.counted('suite_requests_total{model="reviews"') == 0
        assert "cannot be written to (No space left on device)" in (tmp_path / "log").read_text()
        filling.unlink()
        assert service.counted('suite_requests_total{model="reviews"') == 5
        assert service.counted('suite_requests_total{model="",protocol="tfserving",status="404"}') == 5


def test_a_worker_that_starts_on_a_full_disk_answers(
    light: Path, tmp_path: Path, tiny: tuple[Path, tuple[str, ...]]
) -> None:
    folder, wrapped = tiny
    log = tmp_path / "log"
    with serving(Config(models=light, workers=1, runtime=str(folder)), log, wrapped=wrapped) as service:
        # Kill twice: the second worker has no metrics file, whose deletion would free space for the third.
        for _ in range(2):
            before = service.worker()
            fill(seen_by(service, folder))
            os.kill(before, signal.SIGKILL)
            service.until(lambda before=before: service.worker() != before and bool(service.predictions()))
        assert service.counted('suite_requests_total{model="reviews"') >= 1
        assert "cannot be written to (No space left on device)" in log.read_text()
        assert service.process.poll() is None
