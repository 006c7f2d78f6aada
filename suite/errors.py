"""Errors that people can cause. Each message is one line: what is wrong, what was found, and what to do."""

from collections.abc import Sequence

# A longer name is no slip of the pen, and a message does not repeat all of it. Comparing names takes their lengths
# times each other, times the number of candidates.
LONGEST, COMPARED, LISTED = 50, 500, 40


class SuiteError(Exception):
    """The work cannot be finished: broken data, a damaged artifact, a full disk. Exit code 1."""

    exit_code = 1


class UsageError(SuiteError):
    """The request is wrong: an unknown name, a bad option, a path that does not exist. Exit code 2."""

    exit_code = 2


def unknown(what: str, found: object, allowed: Sequence[str]) -> UsageError:
    """An error for a name that is not allowed, with the nearest allowed one."""
    near = nearest(str(found), allowed)
    hint = f"did you mean '{near}'?" if near else f"choose one of: {listed(allowed) or '(there are none)'}"
    return UsageError(f"there is no {what} '{shortened(str(found))}': {hint}")


def nearest(found: str, allowed: Sequence[str]) -> str | None:
    """The allowed name that somebody who wrote `found` probably meant."""
    from difflib import get_close_matches

    if len(found) > LONGEST:
        return None
    return next(iter(get_close_matches(found, allowed[:COMPARED], n=1)), None)


def shortened(text: str) -> str:
    """A text that came from outside, as a message repeats it."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def listed(names: Sequence[str]) -> str:
    """The names, or the first of many."""
    more = f", and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(map(shortened, names[:LISTED])) + more
