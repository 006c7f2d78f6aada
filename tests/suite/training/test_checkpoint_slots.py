"""Several trainings of one name at once, each with a state of its own."""

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from suite.cli import group
from suite.errors import SuiteError
from suite.training import checkpoint_file, checkpoint_slots
from tuning.journal import JOURNAL_FILE, Journal


def settings(seed: int, path: str = "a.csv", sha256: str = "0") -> dict[str, Any]:
    return {"domain": "fraud", "data": {"path": path, "sha256": sha256, "options": {}}, "seed": seed}


def write(file: Path, of: dict[str, Any]) -> None:
    state = json.dumps({"settings": of}).encode()
    with file.open("wb") as opened:
        np.savez(opened, state=np.frombuffer(state, np.uint8))


def test_trainings_at_once_have_a_file_each_and_find_it_again(tmp_path: Path) -> None:
    files = {}
    with ExitStack() as running:
        for seed in (1, 2, 3):
            files[seed] = running.enter_context(checkpoint_slots.reserved(tmp_path, "fraud"))
            write(files[seed], settings(seed))
        assert len(set(files.values())) == 3
        with pytest.raises(SuiteError, match="the training of 'fraud' to resume still runs"):
            running.enter_context(checkpoint_slots.reserved(tmp_path, "fraud", settings(2)))
    for seed in (2, 3, 1):
        with checkpoint_slots.reserved(tmp_path, "fraud", settings(seed)) as file:
            assert file == files[seed]


def test_a_new_training_takes_the_place_of_one_that_ended(tmp_path: Path) -> None:
    with checkpoint_slots.reserved(tmp_path, "fraud") as first:
        write(first, settings(1))
    with checkpoint_slots.reserved(tmp_path, "fraud") as second:
        assert second == first
        with checkpoint_slots.reserved(tmp_path, "fraud", settings(5)) as third:
            assert not third.exists()


def test_other_settings_get_the_newest_state_that_is_free(tmp_path: Path) -> None:
    with (
        checkpoint_slots.reserved(tmp_path, "fraud") as older,
        checkpoint_slots.reserved(tmp_path, "fraud") as newer,
    ):
        write(older, settings(1))
        write(newer, settings(2))
        os.utime(older, (1, 1))
    assert checkpoint_slots.unfinished(tmp_path, "fraud") == [newer, older]
    with checkpoint_slots.reserved(tmp_path, "fraud", settings(3)) as file:
        assert file == newer
    with checkpoint_slots.reserved(tmp_path, "payments", settings(3)) as file:
        assert not file.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SuiteError, match="choose another folder with --models"),
        checkpoint_slots.reserved(tmp_path / "file", "fraud"),
    ):
        pass


def test_data_that_moved_is_the_same_and_data_that_changed_is_not(tmp_path: Path) -> None:
    begun = settings(1)
    checkpoint_file.check_same_settings("training", settings(1, path="b.csv"), begun)
    with pytest.raises(SuiteError, match="the data of the training to resume has changed since"):
        checkpoint_file.check_same_settings("training", settings(1, sha256="1"), begun)
    with pytest.raises(SuiteError, match=r"had data.path a.csv, and this one has b.csv"):
        checkpoint_file.check_same_settings("training", settings(1, path="b.csv", sha256="1"), begun)
    with pytest.raises(SuiteError, match="had seed 1, and this one has 2"):
        checkpoint_file.check_same_settings("training", settings(2, path="b.csv"), begun)


def test_a_resumed_fit_reads_the_data_of_the_one_that_it_goes_on_with(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.csv")
    with checkpoint_slots.reserved(tmp_path, "fraud") as file:
        write(file, settings(0, path=gone))
    found = CliRunner().invoke(group, ["fit", "fraud", "--resume", "--models", str(tmp_path)])
    assert f"data as in what is to be resumed: {gone}" in found.output
    assert f"there is nothing at {gone}" in str(found.exception)
    given = CliRunner().invoke(group, ["fit", "fraud", "--resume", "--models", str(tmp_path), "--data", "other.csv"])
    assert "there is nothing at other.csv" in str(given.exception)


def test_a_resumed_search_reads_the_data_of_the_one_that_it_goes_on_with(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.csv")
    journal = Journal(tmp_path / ".searches" / "fraud" / JOURNAL_FILE)
    journal.write("plan", settings(0, path=gone))
    journal.close()
    found = CliRunner().invoke(group, ["tune", "fraud", "--resume", "--models", str(tmp_path)])
    assert f"there is nothing at {gone}" in str(found.exception)
