"""One thread loads models. Lookups never wait for it, and requests for the same unloaded version share a future."""

import asyncio
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from serving_repositories import Service, copy_version

from serving.config import Config
from serving.errors import ServiceError
from serving.models import loader, repository, versions
from serving.models.loader import Model
from serving.models.loading_thread import LoadingThread
from serving.models.repository import Repository
from serving.observability.metrics import Metrics

pytestmark = pytest.mark.alone


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    """A store of two models, one of them with two versions."""
    shutil.copytree(light / "reviews", tmp_path / "reviews")
    shutil.copytree(light / "reviews", tmp_path / "others")
    copy_version(tmp_path / "reviews/1", tmp_path / "reviews/2")
    return tmp_path


class SlowLoads:
    """Loads that take until the test lets them finish."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on, self.begun = Event(), Event()
        self.loaded: list[tuple[str, int]] = []
        self._load = loader.load
        monkeypatch.setattr(loader, "load", self.load)

    def load(self, model: Model, *given: object) -> None:
        self.loaded.append((model.name, model.version))
        self.begun.set()
        assert self.go_on.wait(30)
        self._load(model, *given)  # type: ignore[arg-type]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowLoads]:
    loads = SlowLoads(monkeypatch)
    yield loads
    loads.go_on.set()


def is_quick(seconds: float) -> bool:
    return seconds < 1


def test_nothing_waits_while_a_version_is_loaded(store: Path, slow: SlowLoads) -> None:
    slow.go_on.set()
    service = Service(store, admin_token="t")
    slow.go_on.clear()
    slow.begun.clear()
    asked = service.repository.load("reviews", 1)
    assert slow.begun.wait(30)
    begun = time.monotonic()
    assert service.version() == 2
    assert service.version("others") == 1
    assert service.client.get("/models").status_code == 200
    assert service.client.get("/readyz").status_code == 200
    assert service.client.get("/v1/models/reviews").status_code == 200
    assert service.client.post("/v2/repository/index").status_code == 200
    assert service.repository.find_ready("reviews", 1) is None
    assert is_quick(time.monotonic() - begun)
    assert not asked.done()
    slow.go_on.set()
    assert asked.result(30).version == 1
    assert service.repository.find_ready("reviews", 1) is asked.result()


def test_many_requests_load_an_absent_version_once(store: Path, slow: SlowLoads) -> None:
    slow.go_on.set()
    service = Service(store)
    slow.loaded.clear()
    slow.go_on.clear()
    with ThreadPoolExecutor(16) as pool:
        asking = [pool.submit(service.ask, version=1) for _ in range(16)]
        assert slow.begun.wait(30)
        slow.go_on.set()
        assert [one.result().get_json()["version"] for one in asking] == [1] * 16
    assert slow.loaded == [("reviews", 1)]


VERSION_1 = ("/v2/models/reviews/versions/1", "/v1/models/reviews/versions/1")
PARTS = [
    VERSION_1[0],
    VERSION_1[1],
    *(f"{VERSION_1[0]}/{part}" for part in ("ready", "config")),
    f"{VERSION_1[1]}/metadata",
]


def test_documents_do_not_wait_for_who_asks_about_a_version(store: Path, slow: SlowLoads) -> None:
    slow.go_on.set()
    service = Service(store)
    slow.go_on.clear()
    slow.begun.clear()

    def get(path: str) -> int:
        return service.client.application.test_client().get(path).status_code

    with ThreadPoolExecutor(len(PARTS) + 1) as pool:
        found = pool.map(get, PARTS)
        missing = pool.submit(get, "/v2/models/reviews/versions/9")
        assert slow.begun.wait(30)
        begun = time.monotonic()
        assert [get(path) for path in ("/metrics", "/docs", "/models")] == [200] * 3
        assert is_quick(time.monotonic() - begun)
        slow.go_on.set()
        assert list(found) == [200] * len(PARTS)
        assert missing.result() == 404


def test_who_gives_up_does_not_take_it_from_others(store: Path, slow: SlowLoads) -> None:
    slow.go_on.set()
    service = Service(store)
    slow.go_on.clear()

    async def ask() -> int:
        first, second = (asyncio.wrap_future(service.repository.load("reviews", 1)) for _ in range(2))
        first.cancel()
        await asyncio.sleep(0.05)
        slow.go_on.set()
        return (await asyncio.wait_for(second, 30)).version

    assert asyncio.run(ask()) == 1


def test_only_so_many_wait_to_be_loaded(store: Path, slow: SlowLoads) -> None:
    slow.go_on.set()
    service = Service(store)
    slow.go_on.clear()
    waiting = [service.repository.load("reviews", version) for version in (1, *range(100, 107))]
    with pytest.raises(ServiceError, match="other versions are being loaded") as raised:
        service.repository.load("reviews", 200)
    assert raised.value.status == 503
    slow.go_on.set()
    assert waiting[0].result(30).state == "ready"
    for one in waiting[1:]:
        with pytest.raises(ServiceError, match="there are: 1, 2"):
            one.result(30)
    # Nothing is remembered about versions that do not exist.
    with pytest.raises(ServiceError, match="there is no version 200"):
        service.repository.load("reviews", 200).result(30)


def test_the_last_versions_that_were_asked_for_are_kept(store: Path) -> None:
    for number in (3, 4, 5):
        copy_version(store / "reviews/1", store / f"reviews/{number}")
    service = Service(store)
    for number in (1, 2, 3):
        assert service.version(version=number) == number
    service.refresh()
    assert [name for name in service.models() if name.startswith("reviews")] == ["reviews/2", "reviews/3", "reviews/5"]


def test_a_version_newer_than_the_last_look_is_found_when_it_is_asked_for(store: Path) -> None:
    service = Service(store)
    copy_version(store / "reviews/1", store / "reviews/9")
    assert service.version(version=9) == 9
    assert service.version() == 2


def test_unloading_does_not_keep_others_waiting(store: Path, slow: SlowLoads) -> None:
    slow.go_on.set()
    service = Service(store)
    slow.go_on.clear()
    slow.begun.clear()
    service.repository.load("reviews", 1)
    assert slow.begun.wait(30)
    unloading = threading.Thread(target=service.repository.serve, args=("others", False))
    unloading.start()
    begun = time.monotonic()
    assert service.version() == 2
    assert is_quick(time.monotonic() - begun)
    slow.go_on.set()
    unloading.join(30)
    assert service.ask("others").status_code == 503


def test_a_stopped_repository_loads_no_more_and_answers_on(store: Path) -> None:
    service = Service(store)
    service.repository.stop()
    assert service.version() == 2
    with pytest.raises(ServiceError, match="about to end"):
        service.repository.load("reviews", 1)
    assert service.ask(version=1).status_code == 503


def test_what_waits_when_it_is_stopped_is_told(slow: SlowLoads, store: Path) -> None:
    slow.go_on.set()
    service = Service(store)
    slow.go_on.clear()
    slow.begun.clear()
    first, second = service.repository.load("reviews", 1), service.repository.load("reviews", 7)
    assert slow.begun.wait(30)
    service.repository.stop()
    slow.go_on.set()
    assert first.result(30).version == 1
    with pytest.raises(RuntimeError, match="was stopped"):
        second.result(30)


def test_a_model_that_breaks_the_look_leaves_the_others_be(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    load = versions.Versions.load

    def broken(self: versions.Versions, name: str, *given: object) -> Model:
        if name == "others":
            raise ZeroDivisionError
        return load(self, name, *given)  # type: ignore[arg-type]

    service = Service(store)
    monkeypatch.setattr(versions.Versions, "load", broken)
    copy_version(store / "reviews/1", store / "reviews/3")
    for _ in range(2):
        service.refresh()
    assert (service.version(), service.version("others")) == (3, 1)
    assert caplog.text.count("the model others cannot be taken over") == 1


def test_a_look_that_fails_is_followed_by_others(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = []

    def failing(self: Repository) -> object:
        looks.append(1)
        raise MemoryError

    monkeypatch.setattr(Repository, "_look", failing)
    monkeypatch.setattr(repository, "START_INTERVAL", 0.01)
    watched = Repository(Config(models=store), Metrics())
    watched.start()
    end = time.monotonic() + 30
    while len(looks) < 3 and time.monotonic() < end:
        time.sleep(0.01)
    monkeypatch.undo()
    assert watched.wait(30)
    assert watched.get("reviews").version == 2
    watched.stop()


def test_the_loading_thread_calls_one_after_the_other_and_ends_no_process() -> None:
    thread = LoadingThread("test")
    seen: list[int] = []
    futures = [thread.submit(seen.append, number) for number in range(5)]
    assert not futures[-1].cancel()
    assert futures[-1].result(10) is None
    assert seen == [0, 1, 2, 3, 4]
    with pytest.raises(ZeroDivisionError):
        thread.submit(lambda: 1 / 0).result(10)
    assert [one.daemon for one in threading.enumerate() if one.name == "test"] == [True]
    thread.stop()
    with pytest.raises(RuntimeError, match="was stopped"):
        thread.submit(seen.append, 5)
