"""Links to a store, a model or a version are followed when they are switched; links to the outside are refused."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from serving_repositories import Service, copy_version

OTHER = ["bad", "fine"]


def switch(link: Path, target: Path | str) -> None:
    """Switch a link to another target atomically, as git-sync does."""
    aside = link.with_name(f".{link.name}-aside")
    aside.symlink_to(target)
    aside.replace(link)


@pytest.fixture
def releases(light: Path, tmp_path: Path) -> Path:
    """Two releases of a store: `r1` has version 1, `r2` has version 2."""
    shutil.copytree(light / "reviews/1", tmp_path / "r1/reviews/1")
    copy_version(light / "reviews/1", tmp_path / "r2/reviews/2")
    return tmp_path


def test_the_store_itself_is_a_link(releases: Path) -> None:
    switch(releases / "current", "r1")
    service = Service(releases / "current")
    assert service.version() == 1
    switch(releases / "current", "r2")
    service.refresh()
    assert service.version() == 2
    assert list(service.models()) == ["reviews/2"]
    switch(releases / "current", "r1")
    service.refresh()
    assert service.version() == 1


def test_a_folder_above_the_store_is_a_link(releases: Path) -> None:
    for number in (1, 2):
        (releases / f"tree{number}").mkdir()
        (releases / f"r{number}").rename(releases / f"tree{number}/models")
    switch(releases / "current", "tree1")
    service = Service(releases / "current/models")
    assert service.version() == 1
    switch(releases / "current", "tree2")
    service.refresh()
    assert service.version() == 2


def test_other_files_of_the_same_version_behind_the_link_are_taken(releases: Path, light: Path) -> None:
    """A switch is noticed even if sizes and times stay the same, as in reproducible archives."""
    copy_version(light / "reviews/1", releases / "r3/reviews/1", OTHER)
    for release in ("r1", "r3"):
        for file in (releases / release / "reviews/1").iterdir():
            os.utime(file, ns=(10**18, 10**18))
    switch(releases / "current", "r1")
    service = Service(releases / "current")
    switch(releases / "current", "r3")
    service.refresh()
    assert list(service.ask().get_json()["predictions"][0]["probabilities"]) == OTHER


@pytest.mark.parametrize("inside", [True, False])
def test_a_model_is_a_link(releases: Path, inside: bool) -> None:
    store = releases / "store"
    store.mkdir()
    place = store / ".releases" if inside else releases / "elsewhere"
    place.mkdir()
    for number in (1, 2):
        (releases / f"r{number}/reviews").rename(place / f"r{number}")
    switch(store / "reviews", os.path.relpath(place / "r1", store))
    service = Service(store)
    assert service.version() == 1
    switch(store / "reviews", os.path.relpath(place / "r2", store))
    service.refresh()
    assert service.version() == 2
    assert str(releases) not in service.client.get("/models").text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_models_link_out_of_the_store_has_to_be_the_operators(releases: Path) -> None:
    store = releases / "r1"
    for name in ("mine", "strange"):
        (store / name).symlink_to(releases / "r2/reviews")
    (store / "inside").symlink_to("reviews")
    for name in ("strange", "inside"):
        os.lchown(store / name, 12345, 12345)
    service = Service(store)
    assert list(service.models()) == ["inside/1", "mine/2", "reviews/1"]
    assert "not of the store's owner" in service.passed_over()["strange"]
    # Links of the store's owner are trusted.
    os.chown(store, 12345, 12345)
    service.refresh()
    assert service.version("strange") == 2


def test_a_version_is_a_link_within_the_store_or_the_models_folder(releases: Path, light: Path) -> None:
    store, aside = releases / "r1", releases / "elsewhere/reviews"
    copy_version(light / "reviews/1", store / ".kept/2").rename(store / ".kept/v2")
    (store / "reviews/2").symlink_to("../.kept/v2")
    shutil.copytree(releases / "r2/reviews/2", aside / "named")
    (aside / "2").symlink_to("named")
    (store / "others").symlink_to(aside)
    service = Service(store)
    assert (service.version(), service.version("others")) == (2, 2)
    copy_version(light / "reviews/1", store / ".kept/2", OTHER).rename(store / ".kept/v2b")
    switch(store / "reviews/2", "../.kept/v2b")
    service.refresh()
    assert list(service.ask().get_json()["predictions"][0]["probabilities"]) == OTHER


def test_links_of_versions_and_files_out_of_the_store_are_refused(releases: Path) -> None:
    store = releases / "r1"
    (store / "reviews/2").symlink_to(releases / "r2/reviews/2")
    secret = releases / "secret"
    secret.write_text("x")
    shutil.copytree(store / "reviews/1", store / "reviews/3")
    (store / "reviews/3/assets").mkdir()
    (store / "reviews/3/assets/words").symlink_to(secret)
    service = Service(store)
    assert service.version() == 1
    assert "link out of the store" in service.passed_over()["reviews/2"]
    assert service.models()["reviews/3"]["reason"] == (
        "reviews/3/assets/words is a link out of the store: put the file itself there"
    )
    assert service.ask(version=2).status_code == 404


def nowhere(link: Path) -> None:
    link.symlink_to("nothing/there")


def loop(link: Path) -> None:
    link.symlink_to(link.name)


def parent(link: Path) -> None:
    link.symlink_to("..")


@pytest.mark.parametrize("make", [nowhere, loop, parent])
@pytest.mark.parametrize("place", ["7", "reviews/7"])
def test_links_that_lead_nowhere_or_round_and_round_stop_nothing(
    releases: Path, place: str, make: Callable[[Path], None]
) -> None:
    store = releases / "r1"
    make(store / place)
    service = Service(store)
    assert service.version() == 1
    copy_version(store / "reviews/1", store / "reviews/9")
    service.refresh()
    assert service.version() == 9


@pytest.mark.parametrize(("make", "answers"), [(nowhere, 1), (loop, 1), (parent, 9)])
def test_such_links_within_a_version_are_that_versions_own_matter(
    releases: Path, make: Callable[[Path], None], answers: int
) -> None:
    service = Service(releases / "r1")
    copy_version(releases / "r1/reviews/1", releases / "r1/reviews/9")
    make(releases / "r1/reviews/9/link")
    service.refresh()
    assert service.version() == answers
    if answers == 1:
        assert "reviews/9/link is a link that leads nowhere" in service.models()["reviews/9"]["reason"]


def test_what_was_loaded_answers_on_while_the_link_is_away(releases: Path, caplog: pytest.LogCaptureFixture) -> None:
    switch(releases / "current", "r1")
    service = Service(releases / "current")
    (releases / "current").unlink()
    with pytest.raises(FileNotFoundError):
        service.refresh()
    assert service.version() == 1
    loop(releases / "current")
    with pytest.raises(OSError, match="symbolic links"):
        service.refresh()
    assert service.version() == 1
    assert service.ask(version=7).status_code == 404
    switch(releases / "current", "r2")
    service.refresh()
    assert service.version() == 2


def test_a_store_that_comes_later_is_served(releases: Path) -> None:
    service = Service(releases / "later")
    assert service.client.get("/readyz").get_json()["state"] == "empty"
    (releases / "later").symlink_to("r1")
    service.refresh()
    assert service.version() == 1
