"""What `pip install .` gives: it serves and predicts, without TensorFlow, and says what to type to train."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import Made

ROOT = Path(__file__).parents[2]
SOURCES = ("suite", "serving", "tuning", "pyproject.toml", "README.md", "LICENSE")
# Arrow takes 171 MB of it, LiteRT with ml_dtypes 84 MB and NumPy 72 MB.
MAX_BYTES = 430e6
SERVE = """
import json, sys, urllib.request
from pathlib import Path
from serving.server import launcher
with launcher.running(Path(sys.argv[1])) as url:
    request = urllib.request.Request(f"{url}/predict", sys.argv[2].encode(), {"Content-Type": "application/json"})
    print(urllib.request.urlopen(request, timeout=30).read().decode())
"""

# Nothing of this checkout, which would count as installed.
# What a wheel holds besides modules.
FILES = [
    str(file.relative_to(ROOT))
    for folder in ("suite/report/templates", "serving/static", "suite/data/embedded")
    for file in (ROOT / folder).rglob("*")
    if file.is_file() and file.suffix not in (".py", ".pyc")
]
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment with the wheel in it, installed as anybody would."""
    folder = tmp_path_factory.mktemp("light")
    tree = folder / "tree"
    tree.mkdir()
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, env=CLEAN)
    python = folder / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--retries", "1"]
    built = subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "-w", folder, tree], capture_output=True, text=True, env=CLEAN
    )
    if built.returncode and "No matching distribution" in built.stderr:
        pytest.skip("setuptools, which builds the wheel, is not to be had: no package index can be reached")
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    packed = zipfile.ZipFile(wheel).namelist()
    assert {name for name in FILES if name not in packed} == set()
    constraints = ["--constraint", ROOT / ".ci" / "constraints.txt"]
    installed = subprocess.run([*pip, "install", "-q", *constraints, wheel], capture_output=True, text=True, env=CLEAN)
    assert installed.returncode == 0, installed.stderr
    return folder / "venv"


@pytest.fixture
def run(environment: Path, tmp_path: Path) -> Command:
    def run(program: str, *arguments: str | Path) -> CompletedProcess[str]:
        command = [environment / "bin" / program, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=CLEAN, capture_output=True, text=True, timeout=120)

    return run


@pytest.mark.slow
def test_it_is_small_and_has_nothing_to_train_with(environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    names = {path.name for path in packages.iterdir()}
    assert {"suite", "serving", "tuning", "pyarrow", "numpy"} <= names
    assert not names & {"tensorflow", "keras", "keras_tuner", "sklearn", "scipy", "ray", "mlflow"}
    ours = (path for path in packages.iterdir() if not path.name.startswith(("pip", "setuptools")))
    files = (file for path in ours for file in ([path] if path.is_file() else path.rglob("*")))
    assert sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc") < MAX_BYTES


@pytest.mark.slow
def test_it_predicts_and_serves(run: Command, make: Callable[[str], Made], tmp_path: Path) -> None:
    made = make("fraud")
    row = {name: float(values[0]) for name, values in made.dataset.inputs.items()}
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row))
    answered = run("suite", "predict", "fraud", "--input", file, "--models", made.models, "--output", "answers.jsonl")
    assert answered.returncode == 0, answered.stderr
    answer = json.loads((tmp_path / "answers.jsonl").read_text())
    served = run("python", "-c", SERVE, made.models, json.dumps({"model": "fraud", "instances": [row]}))
    assert served.returncode == 0, served.stderr
    (prediction,) = json.loads(served.stdout)["predictions"]
    assert prediction["label"] == answer["label"]
    assert prediction["score"] == pytest.approx(answer["score"], abs=1e-5)
    code = f"import suite; print(suite.load('fraud', models={str(made.models)!r}).predict([{row!r}])['label'][0])"
    assert run("python", "-c", code).stdout.strip() == answer["label"]


@pytest.mark.slow
@pytest.mark.parametrize("verb", [("fit", "fraud"), ("tune", "fraud"), ("show", "fraud"), ("blocks",), ("demo",)])
def test_what_trains_names_the_line_to_type(run: Command, verb: tuple[str, ...]) -> None:
    done = run("suite", *verb)
    assert done.returncode == 1
    assert "pip install 'neural-suite[train]'" in done.stderr.splitlines()[-1]
