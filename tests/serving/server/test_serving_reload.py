"""Files that make no sense when the service starts or gets SIGHUP: it says so in one line, and goes on as it was."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.config import Config
from serving.http.auth import fingerprint
from serving.server import launcher as run
from serving.server.arbiter import Replacement

DEADLINE = 30.0
NESTED = "[" * 100_000
BAD_SETTINGS = {
    "a number of 5,000 digits": json.dumps({"max_rows": "9" * 5000}),
    "a zero byte in a path": '{"models": "a\\u0000b"}',
    "half a character": '{"models": "\\ud800"}',
    "a zero byte in the certificate": '{"certificate": "a\\u0000b"}',
    "a zero byte in the token": '{"admin_token": "\\u0000"}',
    "nesting": NESTED,
}
BAD_KEYS = {"nesting": NESTED, "half a file": '{"shop"'}


def write_nothing(file: Path) -> None:
    """Put a named pipe, at which reading it would wait, in the place of a file."""
    file.unlink(missing_ok=True)
    os.mkfifo(file)


@dataclass
class Running:
    """A service with a file of settings and a file of keys."""

    service: run.Service
    settings: Path
    keys: Path

    def log(self) -> str:
        return self.service.log.read_text()

    def workers(self) -> list[int]:
        pid = self.service.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def status(self) -> int:
        """Return the status of a request with a key; 0 if there was no answer."""
        request = urllib.request.Request(f"{self.service.url}/models", headers={"Authorization": "Bearer K1"})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def hang_up(self, words: str) -> None:
        """Send SIGHUP, and wait until the log has these words once more."""
        before = self.log().count(words)
        os.kill(self.service.pid, signal.SIGHUP)
        until(lambda: self.log().count(words) > before)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def running(light: Path, tmp_path: Path) -> Iterator[Running]:
    settings, keys = tmp_path / "settings.json", tmp_path / "keys.json"
    settings.write_text("{}")
    keys.write_text(json.dumps({"shop": {"sha256": fingerprint("K1")}}))
    with run.started(Config(models=light, port=0, workers=1, settings=str(settings), keys=str(keys))) as service:
        run.wait_ready(service, 1, DEADLINE)
        yield Running(service, settings, keys)


def test_settings_that_make_no_sense_change_none(running: Running) -> None:
    for text in BAD_SETTINGS.values():
        before = running.workers()
        running.settings.write_text(text)
        running.hang_up("the settings stay as they were")
        until(lambda before=before: not {*before} & {*running.workers()})  # type: ignore[misc]
        assert running.status() == 200
    assert "Traceback" not in running.log()


def test_keys_that_make_no_sense_replace_no_worker(running: Running) -> None:
    before = running.workers()
    for text in BAD_KEYS.values():
        running.keys.write_text(text)
        running.hang_up("no worker is replaced")
        assert running.workers() == before
        assert running.status() == 200
    assert "Traceback" not in running.log()


def test_a_worker_in_the_place_of_another_has_its_keys_though_the_file_is_broken(running: Running) -> None:
    before = running.workers()
    running.keys.write_text(NESTED)
    os.kill(before[0], signal.SIGKILL)
    until(lambda: running.workers() not in (before, []) and running.status() == 200)


@pytest.mark.parametrize("kind", ["settings", "keys"])
def test_a_pipe_in_the_place_of_a_file_keeps_the_service_neither_from_answering_nor_from_ending(
    running: Running, kind: str
) -> None:
    write_nothing(running.settings if kind == "settings" else running.keys)
    running.hang_up("it is no regular file")
    assert running.status() == 200
    os.kill(running.service.pid, signal.SIGTERM)
    until(lambda: Path(f"/proc/{running.service.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")


class Server:
    """As much of gunicorn's master as a reload uses, with a log that is a list."""

    def __init__(self) -> None:
        self.log, self.lines, self.WORKERS, self.started = self, list[str](), dict[int, object](), 0

    def exception(self, text: str, *values: object) -> None:
        self.lines.append(text % values)

    def stop(self) -> None: ...

    def spawn_worker(self) -> None:
        self.started += 1


def test_an_error_that_nobody_foresaw_replaces_no_worker() -> None:
    def fail() -> str:
        raise MemoryError("too much")

    server = Server()
    Replacement(server, lambda pid: True, fail).reload()
    assert (server.lines, server.started) == (["no worker is replaced: MemoryError: too much"], 0)


def start(models: Path, **environment: str) -> tuple[int, list[str]]:
    """Start gunicorn as the README says; return its status and the lines that it wrote."""
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:serving.server.gunicorn_conf", run.APPLICATION],
        env={**os.environ, "SUITE_MODELS": str(models), "SUITE_PORT": "0", **environment},
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    lines = [line for line in (ended.stdout + ended.stderr).splitlines() if line and "[INFO]" not in line]
    return ended.returncode, lines


@pytest.mark.parametrize("kind", BAD_SETTINGS)
def test_settings_that_make_no_sense_are_one_line_at_the_start(light: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(BAD_SETTINGS[kind])
    status, lines = start(light, SUITE_SETTINGS=str(file))
    assert (status, len(lines)) == (1, 1), lines
    assert lines[0].startswith(f"Error: {file}")


@pytest.mark.parametrize("kind", BAD_KEYS)
def test_keys_that_make_no_sense_are_one_line_at_the_start(light: Path, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(BAD_KEYS[kind])
    status, lines = start(light, SUITE_KEYS=str(file))
    assert (status, len(lines)) == (1, 1), lines
    assert lines[0].startswith(f"Error: {file}")


@pytest.mark.parametrize(("name", "text"), [("PORT", "99999"), ("POLL", "9" * 14), ("WORKERS", "9" * 5000)])
def test_a_number_out_of_its_range_is_one_line_at_the_start(light: Path, name: str, text: str) -> None:
    status, lines = start(light, **{f"SUITE_{name}": text})
    assert (status, len(lines)) == (1, 1), lines
    assert lines[0].startswith(f"Error: SUITE_{name} is ")


@pytest.mark.parametrize("name", ["SETTINGS", "KEYS", "CERTIFICATE", "PRIVATE_KEY"])
def test_a_pipe_is_one_line_at_the_start(
    light: Path, tmp_path: Path, certificate: tuple[Path, Path], name: str
) -> None:
    write_nothing(tmp_path / "pipe")
    told = {"SUITE_CERTIFICATE": str(certificate[0]), "SUITE_PRIVATE_KEY": str(certificate[1])}
    status, lines = start(light, **told | {f"SUITE_{name}": str(tmp_path / "pipe")})
    assert (status, len(lines)) == (1, 1), lines
    assert "it is no regular file" in lines[0]


@pytest.mark.parametrize(("given", "missing"), [("CERTIFICATE", "PRIVATE_KEY"), ("PRIVATE_KEY", "CERTIFICATE")])
def test_half_of_what_tls_needs_is_one_line_at_the_start(
    light: Path, certificate: tuple[Path, Path], given: str, missing: str
) -> None:
    status, lines = start(light, **{f"SUITE_{given}": str(certificate[given == "PRIVATE_KEY"])})
    assert (status, len(lines)) == (1, 1), lines
    assert f"SUITE_{missing} is not set" in lines[0]
