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


def test_absent_columns_are_missing_if_that_is_said_and_ignored_columns_are_allowed(suite: Run, fraud: Any) -> None:
    rows = ['{"V1": 1.5, "Amount": null, "Time": 4, "Class": "0"}', "{}"]
    done = suite("predict", "fraud", "--input", "-", "--allow-missing", "--models", fraud.models, stdin="\n".join(rows))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("columns absent, taken as missing: V2, V3")
    header, *answers = done.stdout.splitlines()
    assert header == "label,score,p_0,p_1,flagged,threshold"
    assert len(answers) == 2
    for answer in answers:
        label, score, _, positive, flagged, threshold = answer.split(",")
        assert score == positive
        assert float(threshold) == fraud.card.threshold
        assert label == str(int(float(score) >= fraud.card.threshold))
        assert flagged == ("true" if label == "1" else "false")


@pytest.mark.parametrize(
    ("row", "options", "code", "message"),
    [
        ({"V1": "abc"}, ["--allow-missing"], 1, "row 1, column 'V1': 'abc' is not a number"),
        ({"V1": 1, "Amoun": 1}, [], 2, "standard input has no column V2, V3"),
        ({"V1": 1, "Amoun": 1}, [], 2, "which the model uses: add it, or say --allow-missing"),
        ({"Amoun": 1}, ["--allow-missing"], 2, "which the model uses: give one like the training data"),
    ],
)
def test_absent_columns_and_unreadable_values_are_refused(
    suite: Run, fraud: Any, row: dict[str, object], options: list[str], code: int, message: str
) -> None:
    done = suite("predict", "fraud", "--input", "-", *options, "--models", fraud.models, stdin=json.dumps(row))
    assert done.returncode == code
    assert message in done.stderr


@pytest.fixture
def rows(fraud: Any) -> list[dict[str, object]]:
    """Rows with all columns of the model, and two more."""
    used = {spec.name: 1.5 for spec in fraud.card.inputs}
    return [{"label": f"row {index}", "date": "2024-03-05"} | used | {"V1": index} for index in range(3)]


@pytest.mark.parametrize("suffix", [".CSV", ".jsonl", ".parquet"])
def test_columns_are_kept_and_others_are_passed_over(
    suite: Run, fraud: Any, rows: list[dict[str, object]], tmp_path: Path, suffix: str
) -> None:
    from suite.data import formats

    target = tmp_path / f"answers{suffix}"
    command = ("predict", "fraud", "--input", "-", "--models", fraud.models, "--output", target)
    done = suite(*command, "--keep", "label", stdin="\n".join(map(json.dumps, rows)))
    assert done.returncode == 0, done.stderr
    assert done.stderr == "columns that the model does not use are passed over: date\n"
    found = formats.table(target).to_pylist()
    assert [row["input_label"] for row in found] == ["row 0", "row 1", "row 2"]
    assert list(found[0])[:3] == ["input_label", "label", "score"]
    assert str(found[0]["flagged"]).lower() in ("true", "false")
    assert "date" not in found[0]


def test_all_columns_are_kept(suite: Run, fraud: Any, rows: list[dict[str, object]]) -> None:
    command = ("predict", "fraud", "--input", "-", "--models", fraud.models, "--keep", "all")
    done = suite(*command, stdin="\n".join(map(json.dumps, rows)))
    assert done.stderr == ""
    header, first, *_ = done.stdout.splitlines()
    assert header.startswith("input_label,date,")
    assert first.startswith("row 0,2024-03-05,")


def test_an_error_before_the_end_of_a_file_does_not_crash(suite: Run, fraud: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("V1,other\n" + "1.5,2\n" * 200_000)
    for _ in range(3):
        done = suite("predict", "fraud", "--input", source, "--models", fraud.models)
        assert done.returncode == 2
        assert done.stderr.splitlines()[-1].startswith(f"error: {source} has no column V2, V3")


def test_an_error_in_an_open_stream_does_not_crash(fraud: Any) -> None:
    from suite.data.formats import BLOCK

    command = [sys.executable, "-m", "suite", "predict", "fraud", "--input", "-", "--models", fraud.models]
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
        assert process.stdin
        assert process.stderr
        process.stdin.write(b"V1,other\n" + b"1.5,2\n" * (BLOCK // 6))
        process.stdin.flush()
        assert process.wait(60) == 2
        assert process.stderr.read().startswith(b"error: standard input has no column V2, V3")


def test_a_table_has_no_text_column(suite: Run, fraud: Any) -> None:
    done = suite("predict", "fraud", "--input", "-", "--text-column", "V1", "--models", fraud.models, stdin="{}")
    assert done.returncode == 2
    assert "--text-column means nothing to fraud" in done.stderr


def test_the_same_answers_on_both_engines(suite: Run, fraud: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text("\n".join(json.dumps({"V1": i, "V2": -i, "Amount": i * 10}) for i in range(20)))
    answers = {}
    for engine in ("tf", "litert"):
        done = suite("predict", "fraud", "--input", source, "--models", fraud.models, "--engine", engine,
                     "--allow-missing")  # fmt: skip
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
