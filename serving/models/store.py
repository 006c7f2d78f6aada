"""The folder of models as it lies on the disk now: names, versions, labels, settings."""

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from serving.models import settings as model_settings
from serving.models.settings import ModelSettings
from suite import artifact, labels
from suite.errors import SuiteError
from suite.labels import Label

# What a version is told by when it failed to load and is tried again.
TOLD_BY = (artifact.CARD, artifact.SAVED_MODEL)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """What there is of one model: each version with a stamp that changes when its files do, the labels, the settings.

    Settings that make no sense are left out, all of them, and `complaint` says why.
    """

    versions: dict[int, tuple[int, ...]]
    labels: dict[str, Label] = field(default_factory=dict)
    settings: ModelSettings = field(default_factory=ModelSettings)
    complaint: str = ""


class Store:
    """The models in a folder; what links lead out of it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def entries(self) -> dict[str, Entry]:
        """All models that have a version or more."""
        found = {name: self.entry(name) for name in artifact.model_names(self.folder)}
        return {name: entry for name, entry in found.items() if entry.versions}

    def entry(self, name: str) -> Entry:
        """One model, without versions where there is none of that name."""
        parent = self.folder / name
        try:
            numbers = [number for number in artifact.versions(parent) if self._inside(parent / str(number))]
        except OSError:  # deleted in this moment
            return Entry({})
        stamps = {number: _stamp(parent / str(number)) for number in numbers}
        return Entry(stamps, _labels(parent), *self._settings(parent))

    def path(self, name: str, version: int) -> Path:
        """The folder of a version."""
        return self.folder / name / str(version)

    def serve(self, name: str, served: bool) -> None:
        """Write into a model's settings whether it is served; SuiteError, OSError."""
        model_settings.put(self.folder / name, [f"served={'' if served else 'false'}"])

    def _settings(self, parent: Path) -> tuple[ModelSettings, str]:
        try:
            return model_settings.read(parent), ""
        except SuiteError as error:
            return ModelSettings(), str(error).replace(f"{self.folder}{os.sep}", "")

    def check_links(self, folder: Path) -> None:
        """SuiteError for a version with a file that is a link out of the store."""
        for path in folder.rglob("*"):
            if not self._inside(path):
                raise SuiteError(f"{path} is a link out of the store: put the file itself there")

    def _inside(self, folder: Path) -> bool:
        return folder.resolve().is_relative_to(self.folder)


def _stamp(folder: Path) -> tuple[int, ...]:
    times = []
    for path in (folder, *(folder / name for name in TOLD_BY)):
        try:
            times.append(path.stat().st_mtime_ns)
        except OSError:
            times.append(0)
    return tuple(times)


def _labels(parent: Path) -> dict[str, Label]:
    try:
        return labels.read(parent)
    except SuiteError as error:
        log.warning("%s", error)
        return {}
