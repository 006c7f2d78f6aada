"""All that happened in a search, on disk after every event.

One SQLite file in WAL mode holds a line an event. SQLite rather than a file of lines of ours: an event is there whole
or not at all whatever kills the search, damage is found, and others may read while the search writes.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite.errors import SuiteError

FILE = "search.sqlite"
TABLE = "CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)"
Event = tuple[str, dict[str, Any]]


class Journal:
    """The events of one search, in order. SuiteError where the file is damaged or cannot be written."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(TABLE)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def write(self, kind: str, body: dict[str, Any]) -> None:
        """Add an event; on disk when this returns."""
        try:
            self._connection.execute("INSERT INTO event (kind, body) VALUES (?, ?)", (kind, json.dumps(body)))
        except sqlite3.OperationalError as error:
            raise unwritten(self._file, error) from error

    def events(self) -> Iterator[Event]:
        """All events so far."""
        try:
            for kind, body in self._connection.execute("SELECT kind, body FROM event ORDER BY number"):
                yield kind, json.loads(body)
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _unusable(self, error: Exception) -> SuiteError:
        return SuiteError(f"{self._file} cannot be used ({error}): leave --resume out to begin the search again")


def unwritten(file: Path, error: Exception) -> SuiteError:
    """That what was to be added to a file of a search did not get there."""
    return SuiteError(
        f"the state of the search could not be written to {file} ({error}): free some space and go on with --resume; "
        "nothing is lost"
    )
