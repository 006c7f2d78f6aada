"""The commands on a machine where somebody works: with other settings, a home that cannot be written, odd folders."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What other programs and people leave behind."""
    keras = tmp_path / "keras"
    keras.mkdir()
    settings = {"floatx": "float16", "epsilon": 1e-2, "backend": "jax", "image_data_format": "channels_first"}
    (keras / "keras.json").write_text(json.dumps(settings))
    return {
        **os.environ, "HOME": "/dev/null", "KERAS_HOME": str(keras), "KERAS_BACKEND": "torch",
        "KERAS_MAX_EPOCHS": "1", "MPLCONFIGDIR": "/dev/null", "OPTUNA_STORAGE": "nowhere", "TZ": "Asia/Kathmandu",
        "LC_ALL": "tr_TR.ISO-8859-9", "PYTHONIOENCODING": "ascii", "RAY_AUTH_TOKEN": "of another cluster",
    }  # fmt: skip


@pytest.mark.slow
def test_the_commands_hold_there(environment: dict[str, str], reviews: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Köln & Umgebung"
    folder.mkdir()
    source = folder / "Größe und Güte.csv"
    source.write_text(reviews.read_text().replace("good", "gut±"), encoding="utf-8")

    def suite(*arguments: str | Path) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "suite", *map(str, arguments), "--models", str(folder / "models")],
            env=environment, capture_output=True, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        assert "Traceback" not in done.stderr.decode()
        return done.stdout.decode("utf-8")

    assert "epoch 2/2" in suite("fit", "text_cls", "--data", source, "--epochs", "2")
    answers = list(csv.reader(suite("predict", "text_cls", "--input", source).splitlines()))
    assert len(answers) == 401
    assert f"rows of {source}" in suite("evaluate", "text_cls")
    shutil.rmtree(folder)
