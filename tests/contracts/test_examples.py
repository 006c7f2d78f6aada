"""The worked examples in suite/README.md: a domain and a task of a package of one's own, with no edit elsewhere."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = {"Add a domain": "curves", "Add a task": "count_table"}
BLOCK = re.compile(r"^```\w+\n(?:# |<!-- )(\S+\.\w+)(?: -->)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
USE = """
import sys
from pathlib import Path

import suite
import urllib3
from serving.server import launcher
from suite.cli.demo import instance
from suite.domain import get

models, *names = sys.argv[1:]
answers = {}
for name in names:
    dataset = get(name).example()
    frame = {spec.name: dataset.inputs[spec.name] for spec in dataset.specs}
    truth = [dataset.labels[y] for y in dataset.y] if dataset.labels else dataset.y
    model = suite.tune(name, frame, label=truth, models=models, trials=2, epochs=2, retrain=False)
    assert model.card.domain == name and model.card.search and model.engine == "litert"
    assert "<svg" in model.report().read_text() and "&lt;svg" in model._repr_html_()
    assert model.evaluate(frame, label=truth, split="all").rows == len(truth)
    rows = [instance(dataset, row) for row in range(3)]
    answers[name] = rows, model.predict(frame).to_pylist()[:3]
with launcher.running(Path(models)) as url:
    for name, (rows, found) in answers.items():
        told = urllib3.request("POST", url + "/predict", json={"model": name, "instances": rows}).json()["predictions"]
        for answer, one in zip(found, told, strict=True):
            assert {key: one[key] for key in ("label", "expected") if key in one}.items() <= answer.items()
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Python's path with both packages, written from the blocks of the page, and their entry points."""
    folder = tmp_path_factory.mktemp("packages")
    page = (ROOT / "suite" / "README.md").read_text()
    for title, name in EXAMPLES.items():
        chapter = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
        files = dict(BLOCK.findall(chapter))
        points = tomllib.loads(files.pop("pyproject.toml"))["project"]["entry-points"]
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        installed = folder / f"{name}-1.dist-info"
        installed.mkdir()
        (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        lines = [f"[{group}]\n{key} = {at}\n" for group, named in points.items() for key, at in named.items()]
        (installed / "entry_points.txt").write_text("".join(lines))
    return folder


def run(packages: Path, *words: str | Path) -> None:
    """Run Python where these packages are installed."""
    path = os.pathsep.join([str(packages), *sys.path])
    done = subprocess.run(
        [sys.executable, *words], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]


@pytest.mark.slow
def test_the_examples_keep_the_contract(packages: Path) -> None:
    run(packages, "-m", "pytest", "-q", "-p", "no:cacheprovider", ROOT / "tests/contracts/test_domains.py",
        "-k", " or ".join(EXAMPLES.values()))  # fmt: skip


@pytest.mark.slow
def test_the_examples_are_tuned_reported_and_served(packages: Path, tmp_path: Path) -> None:
    run(packages, "-c", USE, tmp_path, *EXAMPLES.values())
