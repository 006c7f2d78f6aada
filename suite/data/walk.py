"""Files below a folder: links are followed, and what programs leave beside people's files is passed over."""

from collections.abc import Collection, Iterator
from pathlib import Path

from suite.errors import SuiteError

# Written by Windows and macOS into people's folders; in lower case.
LEFT_BY_SYSTEMS = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx", "@eadir", "$recycle.bin"))
# Hidden folders of programs. Another folder that begins with a dot may be a class, such as .net.
OF_PROGRAMS = frozenset((
    ".appledouble", ".aws", ".backup", ".cache", ".config", ".documentrevisions-v100", ".dropbox.cache", ".ds_store",
    ".dvc", ".fseventsd", ".git", ".github", ".hg", ".hidden", ".huggingface", ".idea", ".ipynb_checkpoints", ".kaggle",
    ".local", ".mypy_cache", ".old", ".picasaoriginals", ".pytest_cache", ".ruff_cache", ".snapshot", ".snapshots",
    ".spotlight-v100", ".stfolder", ".streamlit", ".stversions", ".svn", ".sync", ".temp", ".temporaryitems", ".thumb",
    ".thumbnails", ".thumbs", ".tmp", ".tox", ".trash", ".trashes", ".venv", ".vscode", ".xvpics", ".zfs",
))  # fmt: skip


def is_passed_over(path: Path) -> bool:
    """Whether a file or folder is hidden, or was left by the operating system."""
    return path.name.startswith((".", "~$")) or path.name.lower() in LEFT_BY_SYSTEMS


def class_folders(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """The sub-folders that may be classes or splits, sorted; one that begins with a dot if it holds such files."""
    return [path for path in _children(folder) if path.is_dir() and _may_be_class(path, suffixes)]


def _may_be_class(path: Path, suffixes: Collection[str]) -> bool:
    name = path.name.lower()
    if not is_passed_over(path):
        return True
    if name in OF_PROGRAMS or name in LEFT_BY_SYSTEMS or name.startswith(("._", ".trash", "~$")):
        return False
    return any(found.suffix.lower() in suffixes for found in files_below(path)[0])


def files_below(folder: Path) -> tuple[list[Path], int]:
    """The files below a folder, sorted, also those below links to folders; and the number of hidden ones.

    A link to a folder that it lies in is not followed. SuiteError for a folder that cannot be read.
    """
    real = folder.resolve()
    above = frozenset((real, *real.parents, *(parent.resolve() for parent in folder.absolute().parents)))
    found: list[Path] = []
    hidden = 0
    for path, is_hidden in _walk(folder, above, False):
        if is_hidden:
            hidden += 1
        else:
            found.append(path)
    return sorted(found), hidden


def _walk(folder: Path, above: frozenset[Path], in_hidden: bool) -> Iterator[tuple[Path, bool]]:
    """Each file, and whether it is hidden; `above` are the folders that lead here."""
    for path in _children(folder):
        is_hidden = in_hidden or is_passed_over(path)
        if path.is_file():
            yield path, is_hidden
        elif path.is_dir() and (real := path.resolve()) not in above:
            yield from _walk(path, above | {real}, is_hidden)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise SuiteError(f"the folder {folder} cannot be read ({error.strerror}): allow it or move it away") from error
