"""The time and memory for a request are proportional to the size of its body, whatever the body contains."""

import base64
import io
import json
import time
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hostile_bodies import BODIES, Ask, codec_of
from PIL import Image

from serving import memory
from serving.codecs.base import Limits
from serving.codecs.payload import Payload
from serving.deadline import NO_DEADLINE, Deadline
from serving.errors import ServiceError

SIZE = 2**20
# Limits for each mebibyte of a body: processor time of a second, but measuring coverage on a slow machine takes several
# times as much; and 64 times the body in memory, besides half a mebibyte that every request takes.
SECONDS, TIMES, ONCE = 4.0, 64, 2**19
# What else the machine does can only make times longer, so a try that is quick enough settles it.
TRIES = 3
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@pytest.fixture(scope="module", autouse=True)
def tuned() -> None:
    """Tune memory allocation as in the service's processes."""
    memory.tune()


def seconds(name: str, content: bytes) -> float:
    """Return the processor time a mebibyte."""
    kind, content_type, _ = BODIES[name]
    ask = Ask()
    begun = time.process_time()
    ask(kind, content_type, content)
    return (time.process_time() - begun) * 2**20 / len(content)


def resident(line: str) -> int:
    """Return a memory size of this process in bytes: VmRSS is the current size, VmHWM the peak since writing CLEAR."""
    return next(int(found.split()[1]) * 1024 for found in STATUS.read_text().splitlines() if found.startswith(line))


@pytest.mark.parametrize("name", BODIES)
def test_time_is_in_proportion_to_the_body(name: str) -> None:
    small, large = (BODIES[name][2](size) for size in (SIZE, 2 * SIZE))
    once = twice = inf
    for _ in range(TRIES):
        once, twice = min(once, seconds(name, small)), min(twice, seconds(name, large))
        if max(once, twice) < SECONDS and twice < 2 * once + 0.05:
            return
    pytest.fail(f"{once:.2f} s for a mebibyte, {twice:.2f} s for each of two")


@pytest.mark.skipif(not CLEAR.exists(), reason="only Linux tells the peak of memory, and begins it anew")
@pytest.mark.parametrize("name", BODIES)
def test_memory_is_in_proportion_to_the_body(name: str) -> None:
    kind, content_type, make = BODIES[name]
    ask, content = Ask(), make(2 * SIZE)
    ask(kind, content_type, make(2**12))
    memory.give_back()
    CLEAR.write_text("5")
    before = resident("VmRSS")
    ask(kind, content_type, content)
    assert resident("VmHWM") - before < TIMES * len(content) + ONCE


def passed() -> Deadline:
    """Return a deadline that has passed, so that the first check of it ends the request."""
    return Deadline(0.0, 1.0)


TEXTS = json.dumps({"instances": ["good"] * 1000}).encode()
TABLE = json.dumps({"instances": [{"amount": 1, "country": "de"}] * 1000}).encode()
MIXED = json.dumps({"instances": [[[0] * 8] * 8, [[[0]] * 8] * 8] * 500}).encode()
OBJECTS = json.dumps({"instances": [{"x": [1.5], "name": "a"}] * 1000}).encode()


@pytest.mark.parametrize(
    ("kind", "content_type", "content"),
    [
        ("text", "application/json", TEXTS),
        ("table", "application/json", TABLE),
        ("image", "application/json", MIXED),
        ("", "application/json", OBJECTS),
        ("text", "columns", TEXTS.replace(b"instances", b"inputs")),
        ("table", "columns", json.dumps({"inputs": {"time": ["1.1.2020"] * 1000}}).encode()),
        ("table", "text/csv", b"amount\n" + b"1\n" * 1000),
        ("image", "multipart/form-data; boundary=b", b"--b--"),
        ("", "gzip", BODIES["members of gzip"][2](2**12)),
        ("", "infer", BODIES["empty elements"][2](2**12)),
        ("", "infer", BODIES["texts of a tensor"][2](2**12)),
        ("", "application/json", BODIES["numbers and one that is none"][2](2**12)),
    ],
)
def test_nobody_waits_longer_than_the_deadline(kind: str, content_type: str, content: bytes) -> None:
    ask = Ask(deadline=passed())
    with pytest.raises(ServiceError) as raised:
        ask.decode(codec_of(kind, Limits()), content_type, content)
    assert raised.value.status == 504


def picture(width: int, height: int, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, form)
    return file.getvalue()


def test_the_pixels_of_a_request_are_counted_together() -> None:
    codec = codec_of("image", Limits(pixels=1000))
    small = picture(20, 20)
    assert codec.decode(Payload(files=[small] * 2), NO_DEADLINE)["image"].shape == (2, 8, 8, 1)
    with pytest.raises(ServiceError, match="more than 1,000 pixels together") as raised:
        codec.decode(Payload(files=[small] * 3), NO_DEADLINE)
    assert raised.value.status == 413
    tensors = np.array([small] * 3, object)
    with pytest.raises(ServiceError, match="more than 1,000 pixels together"):
        codec.decode_named({"image": tensors}, NO_DEADLINE)
    encoded = base64.b64encode(small).decode()
    with pytest.raises(ServiceError, match="more than 1,000 pixels together"):
        codec.decode(Payload(instances=[encoded, {"b64": encoded}, {"image": encoded}]), NO_DEADLINE)


class LeavesLater(Deadline):
    """A deadline whose client disconnects before its fifth check."""

    __slots__ = ("looks",)

    def __init__(self) -> None:
        super().__init__(received_at=0.0)
        self.looks = 0

    def check(self, needed: float = 0.0, now: float | None = None) -> None:
        self.looks += 1
        if self.looks > 4:
            self.client_left()
        super().check(needed, now)


def test_a_deadline_is_looked_at_between_pictures() -> None:
    codec, deadline = codec_of("image", Limits()), LeavesLater()
    with pytest.raises(ServiceError, match="the client is gone"):
        codec.decode(Payload(files=[picture(8, 8)] * 100), deadline)
    assert deadline.looks == 5


@pytest.mark.skipif(not CLEAR.exists(), reason="only Linux tells the peak of memory, and begins it anew")
@pytest.mark.parametrize(("form", "mode"), [("PNG", "RGBA"), ("PNG", "I;16"), ("JPEG", "RGB"), ("GIF", "P")])
def test_memory_of_a_large_picture_is_given_back(form: str, mode: str) -> None:
    codec, file = codec_of("image", Limits()), io.BytesIO()
    Image.new(mode, (5000, 5000)).save(file, form)
    codec.decode(Payload(files=[picture(8, 8, form)]), NO_DEADLINE)
    memory.give_back()
    CLEAR.write_text("5")
    before = resident("VmRSS")
    codec.decode(Payload(files=[file.getvalue()]), NO_DEADLINE)
    assert resident("VmRSS") - before < 16 * 2**20
    # At most 24 bytes a pixel.
    assert resident("VmHWM") - before < 24 * 5000**2
