"""The service works as in serving/Containerfile: it writes only to memory and runs as an unprivileged user."""

import json
import re
import subprocess
import sys
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from test_serving_disk import serving, skip_unless_it_runs

from serving.config import Config
from serving.server import launcher as run

CONTAINERFILE = Path("serving/Containerfile")
# Mounts the whole file system read-only, and checks that it is.
ONLY_READ = 'mount -o remount,bind,ro / && ! touch "$1" 2> /dev/null && shift'
WITHOUT_RIGHTS = 'exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs "$@"'


def test_it_runs_where_nothing_can_be_written(light: Path, tmp_path: Path) -> None:
    script = f"{ONLY_READ} && {WITHOUT_RIGHTS}"
    wrapped = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(tmp_path / "written"))
    skip_unless_it_runs(wrapped, "a read-only tree")
    log = tmp_path / "log"
    with serving(Config(models=light, workers=1), log, wrapped=wrapped) as service:
        assert service.predictions()
        assert service.counted('suite_requests_total{model="reviews"') == 1
    assert "Traceback" not in log.read_text()


def is_healthy(port: str, **environment: str) -> bool:
    """Return the status of the container's health check."""
    (found,) = re.findall(r"^HEALTHCHECK .*\\\n +CMD (.+)$", CONTAINERFILE.read_text(), re.MULTILINE)
    _, *arguments = json.loads(found)
    told = {"SUITE_PORT": port, **environment}
    return subprocess.run([sys.executable, *arguments], env=told, capture_output=True, check=False).returncode == 0


def test_it_tells_whether_it_is_healthy(light: Path, certificate: tuple[Path, Path]) -> None:
    with run.started(Config(models=light, port=0, workers=1)) as service:
        run.wait_ready(service, 1, 30)
        port = service.url.rpartition(":")[2]
        assert is_healthy(port)
    assert not is_healthy(port)
    file, key = map(str, certificate)
    with run.started(Config(models=light, port=0, workers=1, certificate=file, private_key=key)) as service:
        port, deadline = service.url.rpartition(":")[2], time.monotonic() + 30
        while not is_healthy(port, SUITE_CERTIFICATE=file):
            assert time.monotonic() < deadline
            time.sleep(0.1)


# Prints the modules that a worker imports before it answers, and with a model of each kind loaded.
IMPORTED = """
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
import gunicorn.app.wsgiapp, serving.server.gunicorn_conf, serving.server.worker
from serving.app import create_app
from serving.config import Config
app = create_app(Config(models=Path(sys.argv[1]), engine="litert"))
assert app.extensions["service"].repository.wait(60)
app.test_client().get("/docs")
known = packages_distributions()
print(*{known[name][0] for name in {module.partition(".")[0] for module in sys.modules} if name in known})
"""


def with_what_they_need(names: set[str]) -> set[str]:
    """Return the normalised names of packages and of those that they require."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name not in found:
            found.add(name)
            with suppress(PackageNotFoundError):
                needed = [one for one in requires(name) or [] if "extra ==" not in one]
                waiting += [re.split(r"[^A-Za-z0-9._-]", one)[0] for one in needed]
    return found


def test_all_that_a_worker_imports_is_installed(light: Path) -> None:
    run_imports = [sys.executable, "-c", IMPORTED, str(light)]
    imported = set(subprocess.run(run_imports, capture_output=True, text=True, check=True).stdout.split())
    (listed,) = re.findall(r"constraints\.txt \\\n(.+?) \$\{MORE\}", CONTAINERFILE.read_text(), re.DOTALL)
    installed = with_what_they_need(set(listed.replace("\\", " ").split()) | {"setuptools", "neural-suite"})
    assert {"flask", "gunicorn", "uvloop"} <= {name.lower() for name in imported}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in imported} <= installed


def test_all_that_it_copies_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE.read_text(), re.MULTILINE)
    assert copied
    assert all(Path(path).exists() for line in copied for path in line.split())
