import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from PIL import Image

Run = Callable[..., CompletedProcess[str]]


def metrics(done: CompletedProcess[str]) -> dict[str, Any]:
    """The metrics of a successful evaluation."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_columns_are_read_as_the_models_inputs(suite: Run, make: Callable[[str], Any], tmp_path: Path) -> None:
    made = make("fraud")
    values = np.random.default_rng(0).normal(size=(30, 3))
    # By themselves these rows would have V1 dropped (constant), V2 boolean, and hold both classes in no late period.
    rows = [
        {"Class": int(i < 2), "Time": i, "V1": 1.5, "V2": i % 2, "V3": round(float(v[0]), 3)}
        for i, v in enumerate(values)
    ]
    source = tmp_path / "march.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    arguments = ("evaluate", "fraud", "--data", source, "--allow-missing", "--models", made.models)
    refused = suite("evaluate", "fraud", "--data", source, "--models", made.models)
    assert refused.returncode == 2
    assert f"{source} has no column V" in refused.stderr

    answered = suite("predict", "fraud", "--input", source, "--allow-missing", "--models", made.models)
    scores = [float(line.split(",")[3]) for line in answered.stdout.splitlines()[1:]]
    flagged = np.array(scores) >= made.card.threshold
    truth = np.array([row["Class"] for row in rows])
    found = metrics(suite(*arguments, "--split", "all", "--json"))["metrics"]
    assert found["accuracy"] == pytest.approx((flagged == truth).mean(), abs=1e-6)

    source.write_text("\n".join(json.dumps({"Class": i % 2, "other": i / 7}) for i in range(30)))
    none = suite(*arguments)
    assert none.returncode == 1
    assert "none of the model's columns, such as V1, V2, V3" in none.stderr


@pytest.mark.parametrize("kind", ["files", "arrays"])
def test_pictures_are_converted_to_the_models_inputs(
    suite: Run, make: Callable[[str], Any], tmp_path: Path, kind: str
) -> None:
    made = make("image_cls")
    pictures = np.random.default_rng(0).integers(0, 256, (8, 20, 30, 3), np.uint8)
    names = made.card.labels[:2] * 4
    source = tmp_path / "a.npz"
    if kind == "arrays":
        np.savez(source, images=pictures, labels=np.array(names))
    else:
        source = tmp_path
        for index, (picture, name) in enumerate(zip(pictures, names, strict=True)):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / name / f"{index}.png")
    done = suite("evaluate", "image_cls", "--data", source, "--split", "all", "--models", made.models, "--json")
    assert metrics(done)["rows"] == 8


def test_all_rows_may_be_of_one_class(suite: Run, make: Callable[[str], Any], tmp_path: Path) -> None:
    made = make("text_cls")
    source = tmp_path / "a.csv"
    source.write_text("text,label\n" + "".join(f"a joy from start to end {i},positive\n" for i in range(4)))
    arguments = ("evaluate", "text_cls", "--data", source, "--models", made.models)
    found = metrics(suite(*arguments, "--split", "all", "--json"))
    assert found["rows"] == 4
    assert "roc_auc" not in found["metrics"]
    assert metrics(suite(*arguments, "--json")) == found
    none = suite(*arguments, "--split", "train")
    assert none.returncode == 1
    assert "no rows are for train" in none.stderr


@pytest.mark.parametrize(("label", "recall"), [("0", False), ("1", True)])
def test_a_table_of_one_class_has_the_metrics_that_exist_for_it(
    suite: Run, make: Callable[[str], Any], tmp_path: Path, label: str, recall: bool
) -> None:
    made = make("fraud")
    source = tmp_path / "a.jsonl"
    source.write_text("\n".join(json.dumps({"V1": i / 7, "Class": label}) for i in range(12)))
    arguments = ("evaluate", "fraud", "--data", source, "--allow-missing", "--models", made.models)
    found = metrics(suite(*arguments, "--json"))
    assert found["rows"] == 12
    assert {"accuracy", "log_loss", "brier"} <= set(found["metrics"])
    assert not {"roc_auc", "average_precision", "precision"} & set(found["metrics"])
    assert ("recall" in found["metrics"]) == recall
    assert (
        f"all rows are '{label}': without both classes there is no average_precision, roc_auc"
        in suite(*arguments).stdout
    )
