"""The journal of a search: every event, on disk before the search goes on.

It is one SQLite file in WAL mode with a row for each event. An event is on disk whole or not at all, whatever kills the
search; damage is detected; and other programs can read the file while the search writes it.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suite.errors import SuiteError

JOURNAL_FILE = "search.sqlite"
TABLE = "CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)"
Event = tuple[str, dict[str, Any]]


class Journal:
    """The events of one search, in order; SuiteError if the file is damaged or cannot be written."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(TABLE)
        except (OSError, sqlite3.Error) as error:
            raise self._damage_error(error) from error

    def write(self, kind: str, body: dict[str, Any]) -> None:
        """Append an event; it is on disk when this returns."""
        try:
            self._connection.execute("INSERT INTO event (kind, body) VALUES (?, ?)", (kind, json.dumps(body)))
        except sqlite3.OperationalError as error:
            raise write_error(self._file, error) from error

    def events(self) -> Iterator[Event]:
        """All events so far."""
        try:
            for kind, body in self._connection.execute("SELECT kind, body FROM event ORDER BY number"):
                yield kind, json.loads(body)
        except (sqlite3.Error, ValueError) as error:
            raise self._damage_error(error) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _damage_error(self, error: Exception) -> SuiteError:
        return SuiteError(f"{self._file} cannot be used ({error}): leave --resume out to begin the search again")


def write_error(file: Path, error: Exception) -> SuiteError:
    """The error for a file of a search that cannot be written."""
    return SuiteError(
        f"the state of the search could not be written to {file} ({error}): free some space and go on with --resume; "
        "nothing is lost"
    )
