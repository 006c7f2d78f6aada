import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE, CompletedProcess
from typing import Any

import pytest

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def fraud(make: Callable[[str], Any]) -> Any:
    return make("fraud")


def test_absent_columns_are_missing_and_ignored_columns_are_allowed(suite: Run, fraud: Any) -> None:
    rows = ['{"V1": 1.5, "Amount": null, "Time": 4, "Class": "0"}', "{}"]
    done = suite("predict", "fraud", "--input", "-", "--models", fraud.models, stdin="\n".join(rows))
    assert done.returncode == 0, done.stderr
    header, *answers = done.stdout.splitlines()
    assert header == "label,score,p_0,p_1"
    assert len(answers) == 2
    for answer in answers:
        label, score, _, positive = answer.split(",")
        assert score == positive
        assert label == str(int(float(score) >= fraud.card.threshold))


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ({"V1": "abc"}, 1, "row 1, column 'V1': 'abc' is not a number"),
        ({"Amoun": 1}, 2, "there is no input column 'Amoun': did you mean 'Amount'?"),
    ],
)
def test_unknown_columns_and_unreadable_values_are_refused(
    suite: Run, fraud: Any, row: dict[str, object], code: int, message: str
) -> None:
    done = suite("predict", "fraud", "--input", "-", "--models", fraud.models, stdin=json.dumps(row))
    assert done.returncode == code
    assert message in done.stderr


def test_an_error_before_the_end_of_a_file_does_not_crash(suite: Run, fraud: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("V1,other\n" + "1.5,2\n" * 200_000)
    for _ in range(3):
        done = suite("predict", "fraud", "--input", source, "--models", fraud.models)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("error: there is no input column 'other'")


def test_an_error_in_an_open_stream_does_not_crash(fraud: Any) -> None:
    from suite.data.formats import BLOCK

    command = [sys.executable, "-m", "suite", "predict", "fraud", "--input", "-", "--models", fraud.models]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(b"V1,other\n" + b"1.5,2\n" * (BLOCK // 6))
        process.stdin.flush()
        assert process.wait(60) == 2
        assert process.stderr.read().startswith(b"error: there is no input column 'other'")


def test_a_table_has_no_text_column(suite: Run, fraud: Any) -> None:
    done = suite("predict", "fraud", "--input", "-", "--text-column", "V1", "--models", fraud.models, stdin="{}")
    assert done.returncode == 2
    assert "--text-column means nothing to fraud" in done.stderr


def test_the_same_answers_on_both_engines(suite: Run, fraud: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text("\n".join(json.dumps({"V1": i, "V2": -i, "Amount": i * 10}) for i in range(20)))
    answers = {}
    for engine in ("tf", "litert"):
        done = suite("predict", "fraud", "--input", source, "--models", fraud.models, "--engine", engine)
        answers[engine] = [float(line.split(",")[3]) for line in done.stdout.splitlines()[1:]]
    assert answers["tf"] == pytest.approx(answers["litert"], abs=1e-4)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of four pictures, the first and the third of them damaged."""
    from PIL import Image

    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(4):
        Image.new("RGB", (40, 30), (index * 60, 0, 0)).save(folder / f"{index}.png")
    (folder / "0.png").write_bytes(b"no picture")
    (folder / "2.png").write_bytes((folder / "2.png").read_bytes()[:60])
    return folder


@pytest.mark.parametrize("suffix", ["", ".csv", ".jsonl", ".parquet"])
def test_pictures_are_answered_and_damaged_ones_named(
    suite: Run, make: Callable[[str], Any], pictures: Path, tmp_path: Path, suffix: str
) -> None:
    from suite.data import formats

    made = make("image_cls")
    target = tmp_path / f"answers{suffix or '.csv'}"
    done = suite("predict", "image_cls", "--input", pictures, "--models", made.models,
                 *(["--output", target] if suffix else []))  # fmt: skip
    assert done.returncode == 1
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: 2 of 4 pictures have no answer")
    assert f"{pictures / '0.png'}: this is no picture" in error
    assert f"{pictures / '2.png'}: the picture is damaged" in error
    if not suffix:
        target.write_text(done.stdout)
    rows = [row for batch in formats.batches(target) for row in batch.to_pylist()]
    assert [row["path"] for row in rows] == [str(pictures / f"{i}.png") for i in range(4)]
    assert [bool(row["error"]) for row in rows] == [True, False, True, False]
    assert [row["label"] in made.card.labels for row in rows] == [False, True, False, True]


def test_scripts_get_the_pictures_without_an_answer(suite: Run, make: Callable[[str], Any], pictures: Path) -> None:
    made = make("image_cls")
    arguments = ("predict", "image_cls", "--models", made.models, "--json", "--input")
    done = suite(*arguments, pictures)
    assert done.returncode == 1
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["rows"] == 4
    assert set(result["errors"]) == {str(pictures / "0.png"), str(pictures / "2.png")}
    alone = suite(*arguments, pictures / "0.png")
    assert alone.returncode == 1
    assert json.loads(alone.stdout.splitlines()[-1])["rows"] == 1
    good = suite(*arguments, pictures / "1.png")
    assert good.returncode == 0
    assert json.loads(good.stdout.splitlines()[-1])["errors"] == {}
