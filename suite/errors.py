"""Errors that people can cause. Each message is one line: what is wrong, what was found, and what to do."""


class SuiteError(Exception):
    """The work cannot be finished: broken data, a damaged artifact, a full disk. Exit code 1."""

    exit_code = 1


class UsageError(SuiteError):
    """The request is wrong: an unknown name, a bad option, a path that does not exist. Exit code 2."""

    exit_code = 2


def unknown(what: str, found: object, allowed: list[str]) -> UsageError:
    """An error for a name that is not allowed, with the nearest allowed one."""
    from difflib import get_close_matches

    near = get_close_matches(str(found), allowed, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"choose one of: {', '.join(allowed) or '(there are none)'}"
    return UsageError(f"there is no {what} '{found}': {hint}")
