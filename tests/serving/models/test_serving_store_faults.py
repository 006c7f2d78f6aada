"""Nothing in a store stops the service from watching it: pipes, devices, sockets, huge files or misplaced folders."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from serving_repositories import Service, copy_version

from serving.models.store import MAX_FILES
from suite import files

# One changes the user of a process, who may not enter the folders of tests that run side by side.
pytestmark = pytest.mark.alone

Put = Callable[[Path], object]


@pytest.fixture
def store(light: Path, tmp_path: Path) -> Path:
    shutil.copytree(light / "reviews", tmp_path / "store/reviews")
    return tmp_path / "store"


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    """Make a device file that never ends."""
    path.symlink_to("/dev/zero")


def listening_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        # The address of a socket may have about a hundred letters at most.
        here = os.open(path.parent, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)


def hole(path: Path) -> None:
    """Make a sparse file of ten gigabytes."""
    with path.open("wb") as file:
        file.truncate(10 * 2**30)


def folder(path: Path) -> None:
    path.mkdir()


def noise(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00[" * 100)


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def vast(path: Path) -> None:
    path.write_text('{"stable": {"version": 1e999}}')


ODD: tuple[Put, ...] = (pipe, device, listening_socket, hole, folder, noise, deep, vast)


@pytest.mark.parametrize("put", ODD)
@pytest.mark.parametrize("name", ["serving.json", "labels.json"])
def test_what_stands_in_place_of_a_models_file_is_told(store: Path, name: str, put: Put) -> None:
    put(store / "reviews" / name)
    begun = time.monotonic()
    service = Service(store)
    copy_version(store / "reviews/1", store / "reviews/2")
    service.refresh()
    assert time.monotonic() - begun < 5
    assert service.version() == 2
    key = "settings_complaint" if name == "serving.json" else "labels_complaint"
    complaint = service.models()["reviews/2"][key]
    assert complaint.startswith(f"reviews/{name}")
    assert str(store) not in complaint


@pytest.mark.parametrize("put", ODD)
@pytest.mark.parametrize("name", ["card.json", "model.tflite", "other"])
def test_what_stands_in_place_of_a_versions_file_is_that_versions_matter(store: Path, name: str, put: Put) -> None:
    service = Service(store)
    broken = copy_version(store / "reviews/1", store / "reviews/2")
    (broken / name).unlink(missing_ok=True)
    put(broken / name)
    begun = time.monotonic()
    service.refresh()
    assert time.monotonic() - begun < 5
    ignored = name == "other" and put not in (pipe, device, listening_socket)
    assert service.version() == (2 if ignored else 1)
    if not ignored:
        assert "reviews/2/" in service.models()["reviews/2"]["reason"]
    copy_version(store / "reviews/1", store / "reviews/3")
    service.refresh()
    assert service.version() == 3


@pytest.mark.parametrize("put", ODD)
@pytest.mark.parametrize("name", ["other", "reviews/2", "reviews/x", "7"])
def test_what_stands_in_place_of_a_folder_is_passed_over(store: Path, name: str, put: Put) -> None:
    put(store / name)
    service = Service(store)
    assert service.version() == 1
    copy_version(store / "reviews/1", store / "reviews/4")
    service.refresh()
    assert service.version() == 4
    if name == "reviews/2" and put is not folder:
        assert "it is no folder" in service.passed_over()[name]


def test_a_version_of_countless_files_is_refused(store: Path) -> None:
    many = copy_version(store / "reviews/1", store / "reviews/2") / "many"
    many.mkdir()
    for number in range(MAX_FILES):
        (many / str(number)).touch()
    service = Service(store)
    assert service.version() == 1
    assert "more than 10,000 files" in service.models()["reviews/2"]["reason"]


def test_labels_that_cannot_be_read_stay_as_they_were(store: Path) -> None:
    copy_version(store / "reviews/1", store / "reviews/2")
    (store / "reviews/labels.json").write_text('{"stable": {"version": 1}}')
    service = Service(store)
    assert service.version() == 1
    (store / "reviews/labels.json").write_text('{"stable": ')
    service.refresh()
    assert service.version() == 1
    assert "labels.json cannot be read" in service.models()["reviews/1"]["labels_complaint"]
    (store / "reviews/labels.json").unlink()
    service.refresh()
    assert service.version() == 2


def test_a_model_that_cannot_be_read_for_a_while_goes_on(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(store)
    shutil.copytree(store / "reviews", store / "others")
    iterdir = Path.iterdir

    def failing(path: Path) -> object:
        if path.name == "reviews":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", failing)
    service.refresh()
    assert (service.version(), service.version("others")) == (1, 1)
    assert service.passed_over() == {"reviews": "it cannot be read (Permission denied)"}
    monkeypatch.undo()
    service.refresh()
    assert service.passed_over() == {}


# Load the libraries first: they may be in root's home, which the process cannot read afterwards.
UNPRIVILEGED = """
import encodings.idna, os, sys
sys.path.insert(0, sys.argv[1])
from serving_repositories import Service
from pathlib import Path
os.setgid(65534); os.setuid(65534)
service = Service(Path(sys.argv[2]))
print(service.version("reviews"), service.passed_over())
print(service.models()["locked/1"]["reason"])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not read everything")
def test_what_the_service_may_not_read_is_told_and_stops_nothing(store: Path, tmp_path: Path) -> None:
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    shutil.copytree(store / "reviews", store / "locked")
    shutil.copytree(store / "reviews", store / "shut")
    (store / "locked/1/model.tflite").chmod(0)
    (store / "shut").chmod(0)
    (store / "reviews/serving.json").touch(0)
    code = [sys.executable, "-c", UNPRIVILEGED, str(Path(__file__).parents[1]), str(store)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "1 {'shut': 'it cannot be read (Permission denied)'}"
    assert second.startswith("locked/1/model.tflite is missing or unreadable (Permission denied)")


def test_folders_are_told_once_in_the_log(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    (store / "mein modell/1").mkdir(parents=True)
    (store / "empty").mkdir()
    service = Service(store)
    for _ in range(3):
        service.refresh()
    assert caplog.text.count("mein modell is passed over: its name cannot be a model's") == 1
    assert caplog.text.count("empty is passed over: there is no version in it") == 1
    (store / "empty").rmdir()
    service.refresh()
    assert list(service.passed_over()) == ["mein modell"]


def test_a_hole_is_told_from_a_large_file(tmp_path: Path) -> None:
    hole(tmp_path / "hole")
    begun = time.monotonic()
    with pytest.raises(OSError, match="mostly holes"):
        files.sha256(tmp_path / "hole")
    assert time.monotonic() - begun < 1
