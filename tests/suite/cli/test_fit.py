import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from suite import artifact
from suite.cli import fit

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small file of texts with three classes."""
    path = tmp_path_factory.mktemp("reviews") / "reviews.jsonl"
    words = {"good": "lovely fine great", "bad": "awful poor sad", "so-so": "plain usual fair"}
    rows = [{"words": f"{words[label]} {i}", "verdict": label} for i in range(40) for label in words]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


@pytest.fixture(scope="session")
def fitted(suite: Run, reviews: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CompletedProcess[str]]:
    """A store with a model of the reviews, and what fitting it printed."""
    models = tmp_path_factory.mktemp("models")
    done = suite("fit", "text_cls", "--data", reviews, "--name", "reviews", "--models", models, "--json",
                 "--set", "bag.units=16", "--set", "training.learning_rate=0.01")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return models, done


def test_the_last_line_is_the_result(fitted: tuple[Path, CompletedProcess[str]]) -> None:
    models, done = fitted
    (line,) = done.stdout.splitlines()
    result = json.loads(line)
    assert result["artifact"] == str(models / "reviews" / "1")
    assert (result["name"], result["version"]) == ("reviews", 1)
    assert result["metrics"]["test"]["accuracy"] == 1
    assert set(result) == {"artifact", "name", "version", "metrics", "seconds"}
    assert "text column: words" in done.stderr
    assert "val_accuracy" in done.stderr


def test_the_card_remembers_how_it_was_made(fitted: tuple[Path, CompletedProcess[str]], reviews: Path) -> None:
    card = artifact.read_card(fitted[0] / "reviews" / "1")
    assert card
    assert card.hyperparameters["bag/units"] == 16
    assert card.hyperparameters["training/learning_rate"] == 0.01
    assert card.data["path"] == str(reviews)
    assert "text column: words" in card.data["detected"]
    assert "--set bag.units=16" in card.training["command"]
    html = (fitted[0] / "reviews" / "1" / "report.html").read_text()
    for text in ("so-so", "Confusion", "val", "bag/units", card.data["sha256"]):
        assert text in html


def test_the_same_seed_gives_the_same_figures_and_a_card_rebuilds_its_model(
    suite: Run, fitted: tuple[Path, CompletedProcess[str]], reviews: Path, tmp_path: Path
) -> None:
    models, done = fitted
    again = suite(
        "fit",
        "text_cls",
        "--data",
        reviews,
        "--models",
        tmp_path,
        "--json",
        "--hp",
        models / "reviews" / "1" / "card.json",
    )
    assert json.loads(again.stdout)["metrics"] == json.loads(done.stdout)["metrics"]


def test_evaluate_repeats_the_test_figures_and_notes_them(
    suite: Run, fitted: tuple[Path, CompletedProcess[str]]
) -> None:
    models, done = fitted
    again = json.loads(suite("evaluate", "reviews", "--models", models, "--json").stdout)
    assert again == {"metrics": json.loads(done.stdout)["metrics"]["test"], "rows": 24}
    noted = json.loads((models / "reviews" / "1" / "evaluations.jsonl").read_text().splitlines()[-1])
    assert noted["metrics"] == again["metrics"]


def test_evaluate_uses_the_label_column_of_the_model(
    suite: Run, fitted: tuple[Path, CompletedProcess[str]], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    rows = [{"words": f"lovely fine great {i}", "verdict": "good", "label": "bad"} for i in range(6)]
    rows += [{"words": f"awful poor sad {i}", "verdict": "bad", "label": "good"} for i in range(6)]
    path.write_text("\n".join(map(json.dumps, rows)))
    arguments = ("evaluate", "reviews", "--data", path, "--split", "all", "--models", fitted[0], "--json")
    assert json.loads(suite(*arguments).stdout)["metrics"]["accuracy"] == 1
    assert json.loads(suite(*arguments, "--label-column", "label").stdout)["metrics"]["accuracy"] == 0


def test_evaluate_refuses_labels_that_the_model_does_not_know(
    suite: Run, fitted: tuple[Path, CompletedProcess[str]], tmp_path: Path
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "text,label\n" + "".join(f"some words {i},{label}\n" for i in range(9) for label in ("good", "strange"))
    )
    done = suite("evaluate", "reviews", "--data", path, "--models", fitted[0])
    assert done.returncode == 1
    assert "labels that the model does not know: strange" in done.stderr


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_predict_writes_every_format(
    suite: Run, fitted: tuple[Path, CompletedProcess[str]], reviews: Path, tmp_path: Path, suffix: str
) -> None:
    target = tmp_path / f"answers{suffix}"
    done = suite(
        "predict", "reviews", "--input", reviews, "--output", target, "--models", fitted[0], "--text-column", "words"
    )
    assert done.returncode == 0, done.stderr
    from suite.data import formats

    rows = [row for batch in formats.batches(target) for row in batch.to_pylist()]
    assert len(rows) == 120
    assert list(rows[0]) == ["label", "score", "p_bad", "p_good", "p_so-so"]
    assert [row["label"] for row in rows[:3]] == ["good", "bad", "so-so"]
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_predict_from_standard_input_to_standard_output(suite: Run, fitted: tuple[Path, CompletedProcess[str]]) -> None:
    done = suite(
        "predict", "reviews", "--input", "-", "--models", fitted[0], stdin="text\nlovely fine great\nawful poor sad\n"
    )
    header, first, second = done.stdout.splitlines()
    assert header == "label,score,p_bad,p_good,p_so-so"
    assert first.startswith("good,")
    assert second.startswith("bad,")


def test_predict_leaves_nothing_half_written(
    suite: Run, fitted: tuple[Path, CompletedProcess[str]], tmp_path: Path
) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "lovely"}\n' * 20_000 + "torn")
    done = suite("predict", "reviews", "--input", source, "--output", tmp_path / "b.csv", "--models", fitted[0])
    assert done.returncode == 1
    assert "line 20001 is not JSON" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_changed_file_is_not_run(suite: Run, fitted: tuple[Path, CompletedProcess[str]], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(fitted[0], tmp_path / "models")
    (tmp_path / "models" / "reviews" / "1" / "model.tflite").write_bytes(b"other")
    done = suite("predict", "reviews", "--input", "-", "--models", tmp_path / "models", stdin="text\nx\n")
    assert done.returncode == 1
    assert "does not match the hash in its card" in done.stderr


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("bag.units=17", "bag.units cannot be 17: choose one of 2, 4"),
        ("bag.dropout=2", "bag.dropout cannot be 2: choose a number from 0.0 to 0.9"),
        ("bag.unit=16", "did you mean 'bag.units'?"),
        ("bag.units", "write it as name=value"),
    ],
)
def test_hyperparameters_that_the_network_does_not_have(
    suite: Run, reviews: Path, tmp_path: Path, assignment: str, message: str
) -> None:
    done = suite("fit", "text_cls", "--data", reviews, "--models", tmp_path, "--set", assignment)
    assert done.returncode == 2
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("fraud", "--cost-false-negative", "nan"), "'nan' is no finite number"),
        (("text_cls", "--text-column", "words", "--label-column", "words"), "'words' cannot be the label and"),
    ],
)
def test_options_that_make_no_sense(
    suite: Run, reviews: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    done = suite("fit", *options, "--data", reviews, "--models", tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_options_of_another_domain_are_refused(suite: Run, tmp_path: Path) -> None:
    done = suite("fit", "fraud", "--text-column", "a", "--models", tmp_path)
    assert done.returncode == 2
    assert "--text-column means nothing to fraud" in done.stderr


def test_dead_units_are_reported_by_layer() -> None:
    assert fit._dead_units({"a": 0.0, "b": 0.25, "c": 0.031}) == ["dead units after training: 25.0% of b, 3.1% of c"]
    assert fit._dead_units({"a": 0.0}) == []
