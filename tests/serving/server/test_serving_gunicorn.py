"""The service as people run it: real processes, real sockets."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serving_models as make
from PIL import Image

from serving.config import Config
from serving.server import launcher as run
from suite.errors import SuiteError

MEMORY_MEGABYTES = 120
READY_SECONDS = 2.0
DEADLINE = 30.0
LIMIT = 100_000


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def post(url: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{url}/predict", body, headers), timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def resident_megabytes(pid: int) -> float:
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture(scope="module")
def service(light: Path) -> Iterator[run.Service]:
    with run.started(Config(models=light, port=0, workers=2, max_body=LIMIT)) as service:
        run.wait_ready(service, 2, DEADLINE)
        yield service


@pytest.mark.alone
def test_a_light_service_is_ready_soon_and_small_and_without_tensorflow(light: Path) -> None:
    start = time.monotonic()
    with run.started(Config(models=light, port=0, workers=1)) as service:
        run.wait_ready(service, 1, DEADLINE)
        seconds = time.monotonic() - start
        for instances, model in (([[[0] * 8] * 8], "digits"), (["good"], "reviews"), ([{}], "payments")):
            body = json.dumps({"model": model, "instances": instances * 100}).encode()
            assert post(service.url, body)[0] == 200
        (worker,) = children(service.pid)
        mapped = Path(f"/proc/{worker}/maps").read_text()
        megabytes = {pid: resident_megabytes(pid) for pid in (service.pid, worker)}
    print(f"ready after {seconds:.2f} s; master {megabytes[service.pid]:.0f} MB, worker {megabytes[worker]:.0f} MB")
    assert "ai_edge_litert" in mapped
    for heavy in ("/tensorflow/", "/pyarrow/", "/sklearn/", "/keras/"):
        assert heavy not in mapped
    assert megabytes[worker] < MEMORY_MEGABYTES
    assert seconds < READY_SECONDS


def test_a_picture_is_uploaded_as_curl_does(service: run.Service, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((make.SIDE, make.SIDE), np.uint8)).save(tmp_path / "cat.png")
    command = ["curl", "-s", "-F", f"file=@{tmp_path / 'cat.png'}", "-F", "model=digits", f"{service.url}/predict"]
    answer = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=30).stdout)
    assert answer["predictions"][0]["label"] in ("zero", "one", "two")


def send_chunked(service: run.Service, chunks: list[bytes], **headers: str) -> tuple[int, dict[str, Any]]:
    with closing(http.client.HTTPConnection(service.url.removeprefix("http://"), timeout=30)) as connection:
        connection.request("POST", "/predict", iter(chunks), headers)
        response = connection.getresponse()
        return response.status, json.load(response)


def test_a_body_over_the_limit_is_refused_however_it_is_sent(service: run.Service) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    part = b"--x\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n"
    for status, answer in (
        post(service.url, b"x" * (LIMIT + 1)),
        post(service.url, b"x" * (LIMIT + 2)),
        send_chunked(service, [b"x" * LIMIT, b"x"]),
        send_chunked(service, [b"x" * (LIMIT // 2)] * 3),
        send_chunked(service, [part, b"x" * LIMIT], **form),
    ):
        assert (status, f"larger than {LIMIT:,} bytes" in answer["error"]) == (413, True)


def test_a_body_of_the_limit_is_read(service: run.Service) -> None:
    body = b'{"model": "reviews", "instances": ["good"]}'
    body += b" " * (LIMIT - len(body))
    assert post(service.url, body)[0] == 200
    assert send_chunked(service, [body])[0] == 200


def test_chunked_bodies_are_answered(service: run.Service) -> None:
    assert send_chunked(service, [b'{"model": "reviews", "insta', b'nces": ["good"]}'])[0] == 200


def test_a_broken_transfer_is_the_senders_fault(service: run.Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
        assert b" 400 " in connection.recv(1000).partition(b"\r\n")[0]


def test_workers_run_one_service_from_any_folder(light: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with run.running(light, workers=2) as url:
        body = json.dumps({"model": "reviews", "instances": ["good"]}).encode()
        answers = [post(url, body)[1]["predictions"] for _ in range(20)]
        assert all(answer == answers[0] for answer in answers)


def test_sigterm_leaves_no_process(light: Path) -> None:
    with run.started(Config(models=light, port=0, workers=2)) as service:
        run.wait_ready(service, 2, DEADLINE)
        workers = children(service.pid)
        assert len(workers) == 2
    assert all(gone(pid) for pid in [service.pid, *workers])


STARTER = """
import sys, time
from pathlib import Path
from serving.server import launcher as run
with run.running(Path(sys.argv[1])) as url:
    print(url, flush=True)
    time.sleep(600)
"""


def test_a_service_does_not_outlive_a_killed_parent(light: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, str(light)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        (master,) = children(parent.pid)
        workers = children(master)
        os.kill(parent.pid, signal.SIGKILL)
        until(lambda: all(gone(pid) for pid in [master, *workers]))


def test_an_address_that_cannot_be_had(light: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(SuiteError, match=f"cannot listen on 127.0.0.1:{port} \\(Address already in use\\)"),
            run.running(light, port=port),
        ):
            pass
    with pytest.raises(SuiteError, match="is no address to listen on"), run.running(light, host="nowhere.invalid"):
        pass


def test_nothing_to_serve_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="the store holds no model"), run.running(tmp_path):
        pass


def test_a_server_that_dies_shows_its_log(light: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--no-such-option")
    with pytest.raises(SuiteError, match="no-such-option"), run.running(light):
        pass


def test_a_model_without_a_card_is_served_by_tensorflow(plain: Path) -> None:
    with run.running(plain) as url:
        status, answer = post(url, b'{"model": "halves", "instances": [[1, 2]]}')
        assert (status, answer["predictions"]) == (200, [[0.5, 1.0]])


def test_it_listens_on_ipv6_and_knows_who_comes_over_ipv4(light: Path, tmp_path: Path) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as taken:
        port = taken.getsockname()[1]
    environment = {
        **os.environ, "SUITE_MODELS": str(light), "SUITE_HOST": "::", "SUITE_PORT": str(port), "SUITE_WORKERS": "1",
        "SUITE_ACCESS_LOG": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", "python:serving.server.gunicorn_conf", run.APPLICATION]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        for host, client in (("[::1]", "::1"), ("127.0.0.1", "127.0.0.1")):
            until(lambda url=f"http://{host}:{port}": answers(url))  # type: ignore[misc]
            until(lambda line=f'"client": "{client}"': line in log.read_text())  # type: ignore[misc]
    finally:
        process.terminate()
        process.wait(DEADLINE)


def answers(url: str) -> bool:
    try:
        return post(url, b'{"model": "reviews", "instances": ["good"]}')[0] == 200
    except OSError:
        return False
