"""The access log has whole lines, even if others write to it and its reader is slow."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

LINES, WRITERS = 3000, 3
CODE = """
import os, sys
from serving.observability.metrics import Metrics
from serving.observability.request_log import RequestLog
os.set_blocking(1, sys.argv[1] == "blocking")
log = RequestLog(Metrics())
for number in range(int(sys.argv[2])):
    log.put({"writer": os.getpid(), "number": number, "path": "/" + "\\ud800\\n" * (number % 90)})
"""
# A disk with space for a line and a half, and then for more.
FULL = """
import resource, time
from serving.observability.metrics import Metrics
from serving.observability.request_log import LOST, RequestLog
metrics = Metrics()
log = RequestLog(metrics)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (30, most))
log.put({"number": 0})
log.put({"number": 1, "path": "/" + 100 * "x"})
while LOST not in metrics.text():
    time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
log.put({"number": 2})
"""


@pytest.mark.parametrize("way", ["blocking", "at once"])
def test_lines_of_several_workers_stay_whole(way: str) -> None:
    reading, writing = os.pipe()
    command = [sys.executable, "-c", CODE, way, str(LINES)]
    writers = [subprocess.Popen(command, stdout=writing) for _ in range(WRITERS)]
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        content = b""
        while part := pipe.read(30_000):
            content += part
            time.sleep(0.001)
    assert [writer.wait(20) for writer in writers] == [0] * WRITERS
    found = [json.loads(line) for line in content.splitlines()]
    assert Counter(one["writer"] for one in found) == {writer.pid: LINES for writer in writers}
    # The lines of one writer are in order.
    assert [one["number"] for one in found if one["writer"] == writers[0].pid] == list(range(LINES))


def test_a_line_that_a_full_disk_has_torn_takes_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("wb") as stdout:
        subprocess.run([sys.executable, "-c", FULL], stdout=stdout, check=True, timeout=20)
    first, torn, last = file.read_text().splitlines()
    assert json.loads(first) == {"number": 0}
    assert torn.startswith('{"number": 1')
    assert json.loads(last) == {"number": 2}
