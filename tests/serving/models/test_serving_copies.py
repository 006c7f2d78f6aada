"""A version is loaded once its files are complete, in whatever order they arrive, and again when they change."""

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import serving_models as make
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_repositories import Service, copy_version, files_of

from serving.engines import select
from serving.models import loader
from suite import artifact

OTHER = ["bad", "fine"]


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    shutil.copytree(light / "reviews", tmp_path / "store/reviews")
    return tmp_path / "store"


@pytest.fixture
def service(store: Path) -> Service:
    return Service(store)


@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> float:
    """Set how long a version without a card must stay unchanged."""
    monkeypatch.setattr(loader, "SETTLED", 0.4)
    return 0.4


FILES = 6


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    order=st.permutations(range(FILES)),
    cuts=st.lists(st.floats(0, 1), min_size=FILES, max_size=FILES),
    looks=st.lists(st.booleans(), min_size=2 * FILES, max_size=2 * FILES),
)
def test_a_copy_is_taken_over_once_it_is_whole_in_whatever_order_it_comes(
    light: Path, tmp_path_factory: pytest.TempPathFactory, order: list[int], cuts: list[float], looks: list[bool]
) -> None:
    store, source = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("source") / "2"
    shutil.copytree(light / "digits", store / "digits")
    copy_version(light / "digits/1", source)
    names = files_of(source)
    assert len(names) == FILES
    service, pending = Service(store), list(looks)
    picture = {"model": "digits", "instances": [[[200] * make.SIDE] * make.SIDE]}

    def look() -> None:
        if pending.pop():
            service.refresh()
            assert service.version(**picture) == 1

    for number in order:
        content, target = (source / names[number]).read_bytes(), store / "digits/2" / names[number]
        target.parent.mkdir(parents=True, exist_ok=True)
        cut = int(cuts[number] * (len(content) - 1))
        target.write_bytes(content[:cut])
        look()
        with target.open("ab") as file:
            file.write(content[cut:])
        if number != order[-1]:
            look()
    # The first check sees that a file has grown, the second that it has stopped growing.
    service.refresh()
    service.refresh()
    assert service.version(**picture) == 2, service.models()


def test_a_large_copy_is_not_hashed_again_and_again(
    store: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy_version(store / "reviews/1", store / "reviews/2")
    content = (folder / "model.tflite").read_bytes()
    (folder / "model.tflite").write_bytes(content[:100])
    service.refresh()
    hashed = []
    verify = artifact.verify
    monkeypatch.setattr(artifact, "verify", lambda *given: (hashed.append(given), verify(*given)))
    for end in range(200, 1000, 100):
        with (folder / "model.tflite").open("ab") as file:
            file.write(content[end - 100 : end])
        service.refresh()
    assert not hashed
    (folder / "model.tflite").write_bytes(content)
    service.refresh()
    service.refresh()
    assert service.version() == 2


def test_the_first_version_of_a_model_is_not_either(
    store: Path, light: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(store)
    source = light / "digits/1"
    (store / "digits/1").mkdir(parents=True)
    shutil.copy(source / "card.json", store / "digits/1")
    service.refresh()
    hashed = []
    monkeypatch.setattr(artifact, "verify", lambda *given: hashed.append(given))
    with (store / "digits/1/model.tflite").open("wb", buffering=0) as file:
        file.write(b"x")
        service.refresh()
        del hashed[:]
        for _ in range(3):
            file.write(b"x")
            service.refresh()
    assert not hashed


def test_settings_that_come_during_a_copy_hold_when_it_is_whole(light: Path, tmp_path: Path) -> None:
    shutil.copytree(light / "digits", tmp_path / "digits")
    (tmp_path / "digits/1/notes").write_text("x")
    service = Service(tmp_path)
    with (tmp_path / "digits/1/notes").open("a") as file:
        file.write("more")
    (tmp_path / "digits/serving.json").write_text('{"engine": "tf", "max_waiting": 3}')
    service.refresh()
    assert service.models()["digits/1"]["engine"] == "litert"
    assert service.models()["digits/1"]["settings"] == {"max_waiting": 3}
    service.refresh()
    assert service.models()["digits/1"]["engine"] == "tf"


def test_one_without_a_card_is_taken_when_nothing_has_changed_for_a_while(
    plain: Path, tmp_path: Path, short_wait: float
) -> None:
    shutil.copytree(plain / "halves", tmp_path / "halves")
    service = Service(tmp_path)
    assert service.version("halves", instances=[[1, 2]]) == 1
    source, target = plain / "halves/1", tmp_path / "halves/2"
    for name in files_of(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)
        service.refresh()
        assert service.models()["halves/2"]["state"] == "loading"
        assert "being copied" in service.models()["halves/2"]["reason"]
        assert service.version("halves", instances=[[1, 2]]) == 1
    time.sleep(short_wait)
    service.refresh()
    assert service.version("halves", instances=[[1, 2]]) == 2


def test_what_looks_as_if_its_card_were_to_come_waits_for_longer(
    light: Path, tmp_path: Path, short_wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "CARD_TO_COME", 60.0)
    shutil.copytree(light / "digits", tmp_path / "digits")
    service = Service(tmp_path)
    folder = copy_version(tmp_path / "digits/1", tmp_path / "digits/2")
    (folder / "card.json").rename(tmp_path / "card.json")
    service.refresh()
    time.sleep(short_wait)
    service.refresh()
    assert "for 60 seconds" in service.models()["digits/2"]["reason"]
    (tmp_path / "card.json").rename(folder / "card.json")
    service.refresh()
    assert (service.models()["digits/2"]["state"], service.models()["digits/2"]["engine"]) == ("ready", "litert")


def test_a_card_that_comes_while_the_rest_is_being_loaded_is_not_missed(
    light: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SETTLED", "CARD_TO_COME"):
        monkeypatch.setattr(loader, name, 0.0)
    shutil.copytree(light / "digits", tmp_path / "digits")
    service = Service(tmp_path)
    folder = copy_version(tmp_path / "digits/1", tmp_path / "digits/2")
    (folder / "card.json").rename(tmp_path / "card.json")
    choose = select.choose

    def slow(*given: Any) -> select.Choice:
        found = choose(*given)
        if given[1] is None:
            (tmp_path / "card.json").rename(folder / "card.json")
        return found

    monkeypatch.setattr(select, "choose", slow)
    service.refresh()
    assert service.models()["digits/2"]["state"] == "loading"
    service.refresh()
    assert (service.models()["digits/2"]["state"], service.models()["digits/2"]["engine"]) == ("ready", "litert")


def test_who_asks_for_one_that_is_being_copied_is_told(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain / "halves", tmp_path / "halves")
    service = Service(tmp_path)
    shutil.copytree(plain / "halves/1", tmp_path / "halves/2")
    service.refresh()
    response = service.ask("halves", [[1, 2]], version=2)
    assert (response.status_code, "its files are being copied" in response.text) == (503, True)


def test_a_service_that_starts_beside_a_copy_waits_until_it_has_settled(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain / "halves", tmp_path / "halves")
    begun = time.monotonic()
    assert Service(tmp_path).version("halves", instances=[[1, 2]]) == 1
    assert loader.SETTLED - 1 < time.monotonic() - begun < loader.SETTLED + 10


def test_a_clock_that_is_wrong_keeps_nothing_waiting(
    plain: Path, tmp_path: Path, short_wait: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the file server is an hour ahead of ours."""
    monkeypatch.setattr(loader.time, "time", lambda: os.stat(tmp_path).st_ctime - 3600)
    shutil.copytree(plain / "halves", tmp_path / "halves")
    service = Service(tmp_path)
    assert service.version("halves", instances=[[1, 2]]) == 1


def test_a_ready_version_whose_files_change_is_loaded_anew(store: Path, service: Service) -> None:
    before = service.repository.get("reviews")
    source = copy_version(store / "reviews/1", store.parent / "1", OTHER)
    (source / "card.json").replace(store / "reviews/1/card.json")
    service.refresh()
    after = service.ask().get_json()["predictions"][0]
    assert list(after["probabilities"]) == OTHER
    assert service.repository.get("reviews") is not before


def test_files_that_hold_what_they_held_are_not_loaded_anew(store: Path, service: Service) -> None:
    before = service.repository.get("reviews")
    for name in files_of(store / "reviews/1"):
        os.utime(store / "reviews/1" / name)
    service.refresh()
    shutil.copytree(store / "reviews/1", store / "reviews/.aside")
    shutil.rmtree(store / "reviews/1")
    (store / "reviews/.aside").rename(store / "reviews/1")
    service.refresh()
    assert service.repository.get("reviews") is before
    assert "files_complaint" not in service.models()["reviews/1"]


@pytest.mark.parametrize("damage", ["model", "card", "no card", "named pipe", "link"])
def test_what_was_loaded_answers_on_where_the_new_files_are_bad(store: Path, service: Service, damage: str) -> None:
    before = service.ask().get_json()["predictions"]
    folder = store / "reviews/1"
    content = {name: (folder / name).read_bytes() for name in files_of(folder)}
    if damage == "model":
        (folder / "model.tflite").write_bytes(b"no")
    elif damage == "card":
        (folder / "card.json").write_text("{}")
    else:
        (folder / "card.json").unlink()
        if damage == "named pipe":
            os.mkfifo(folder / "card.json")
        elif damage == "link":
            (folder / "card.json").symlink_to("/etc/hostname")
    service.refresh()
    assert service.ask().get_json()["predictions"] == before
    assert (
        "its files have changed, and the new ones cannot be loaded" in service.models()["reviews/1"]["files_complaint"]
    )
    shutil.rmtree(folder)
    folder.mkdir()
    for name, one in content.items():
        (folder / name).write_bytes(one)
    service.refresh()
    assert service.version() == 1
    assert "files_complaint" not in service.models()["reviews/1"]


def test_one_without_a_card_is_loaded_anew_when_it_has_settled(plain: Path, tmp_path: Path, short_wait: float) -> None:
    shutil.copytree(plain / "halves/1", tmp_path / "model/1")
    service = Service(tmp_path)
    assert service.ask("model", [[1, 2]]).get_json()["predictions"] == [[0.5, 1]]
    shutil.rmtree(tmp_path / "model/1")
    shutil.copytree(plain / "half_plus_two/1", tmp_path / "model/1")
    service.refresh()
    assert service.ask("model", [[1, 2]]).get_json()["predictions"] == [[0.5, 1]]
    time.sleep(short_wait)
    service.refresh()
    assert service.ask("model", [1, 2]).get_json()["predictions"] == [2.5, 3]


def test_a_failed_version_that_nobody_wants_can_be_asked_for_once_it_is_mended(store: Path, service: Service) -> None:
    folder = copy_version(store / "reviews/1", store / "reviews/2")
    content = (folder / "model.tflite").read_bytes()
    (folder / "model.tflite").write_bytes(b"no")
    service.refresh()
    copy_version(store / "reviews/1", store / "reviews/3")
    service.refresh()
    assert service.models()["reviews/2"]["state"] == "failed"
    (folder / "model.tflite").write_bytes(content)
    service.refresh()
    assert service.version(version=2) == 2
    assert service.version() == 3
