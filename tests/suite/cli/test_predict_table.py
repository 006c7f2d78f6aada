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


def test_missing_columns_are_missing_and_known_ones_may_be_carried_along(suite: Run, fraud: Any) -> None:
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
def test_strange_columns_and_values(suite: Run, fraud: Any, row: dict[str, object], code: int, message: str) -> None:
    done = suite("predict", "fraud", "--input", "-", "--models", fraud.models, stdin=json.dumps(row))
    assert done.returncode == code
    assert message in done.stderr


def test_an_error_before_the_end_of_a_file_is_an_error_and_no_crash(suite: Run, fraud: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("V1,other\n" + "1.5,2\n" * 200_000)
    for _ in range(3):
        done = suite("predict", "fraud", "--input", source, "--models", fraud.models)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith("error: there is no input column 'other'")


def test_an_error_while_more_may_come_is_an_error_and_no_crash(fraud: Any) -> None:
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


def test_pictures_by_path_and_a_damaged_one_named(suite: Run, make: Callable[[str], Any], tmp_path: Path) -> None:
    from PIL import Image

    made = make("image_cls")
    for index in range(3):
        Image.new("RGB", (40, 30), (index * 90, 0, 0)).save(tmp_path / f"{index}.png")
    done = suite("predict", "image_cls", "--input", tmp_path, "--models", made.models)
    assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
        "path",
        *(str(tmp_path / f"{i}.png") for i in range(3)),
    ]
    (tmp_path / "1.png").write_bytes(b"no picture")
    done = suite("predict", "image_cls", "--input", tmp_path, "--models", made.models)
    assert done.returncode == 1
    assert "1.png: this is no picture" in done.stderr
