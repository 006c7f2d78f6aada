"""Whether enough of a request has come in for a thread to take it up, so that slow senders hold none."""

import re

# Of a request that is larger, a thread reads the rest.
KEPT = 2**20
LONGEST_HEAD = 2**16
END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
# With these the length is not known before, or the sender waits for a word first.
AT_ONCE = re.compile(rb"\r\n(?:transfer-encoding|expect):", re.IGNORECASE)


def is_whole(received: bytearray) -> bool:
    """Whether nothing more is to come, as far as the head of the request tells, or enough is there."""
    end = received.find(END)
    if end < 0:
        return len(received) > LONGEST_HEAD
    length = LENGTH.search(received, 0, end + 2)
    if length is None or AT_ONCE.search(received, 0, end + 2):
        return True
    return len(received) >= min(end + len(END) + int(length[1]), KEPT)
