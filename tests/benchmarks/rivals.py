"""The environments that rivals live in: made by the benchmarks that need them, apart from the project's own."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".venv-rivals"


def python(*packages: str, apart: str = "") -> str:
    """The interpreter of an environment that has these packages, each `name==version`; installs what is missing.

    Rivals whose requirements conflict live `apart`, each under a name of its own.
    """
    folder = FOLDER.with_name(f"{FOLDER.name}-{apart}") if apart else FOLDER
    interpreter = folder / "bin" / "python"
    if not interpreter.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    missing = [package for package in packages if not _present(folder, package)]
    if missing:
        print(f"installing {', '.join(missing)} into {folder.name}", flush=True)
        command = [interpreter, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *missing]
        subprocess.run(command, check=True)
    return str(interpreter)


def _present(folder: Path, package: str) -> bool:
    name, _, version = package.partition("==")
    places = [str(path) for path in folder.glob("lib/python*/site-packages")]
    found = importlib.metadata.distributions(name=name, path=places)
    return any(distribution.version.partition("+")[0] == version for distribution in found)
