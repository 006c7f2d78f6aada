"""Text in any encoding as UTF-8: as asked, as a byte order mark or zeros between letters say, else UTF-8."""

import codecs
import io
import re
from typing import Any

from suite.data.compression import buffered
from suite.errors import SuiteError, UsageError

MARKS = {
    codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
SAMPLE = 4096
# Text of most languages has a space, digit or line end at least so often, and these have a zero byte in UTF-16.
MIN_ZEROS = 0.1
# What no text holds.
CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f]")
# Between bytes that are the same in all encodings of one byte for each character.
SEPARATORS = re.compile(rb'[\s,;|"]')


def check_encoding(name: str) -> str:
    """The encoding's name as Python spells it; UsageError for one that is unknown."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, ValueError) as error:
        raise UsageError(f"there is no encoding '{name[:50]}': name one such as utf-8, cp1252 or utf-16") from error
    return found.name


def detect(start: bytes) -> str:
    """The encoding of a text that starts with these bytes: by its mark or its zeros, else utf-8."""
    marked = next((name for mark, name in MARKS.items() if start.startswith(mark)), None)
    if marked:
        return marked
    sample = start[:SAMPLE]
    if b"\0" not in sample:
        return "utf-8"
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    found = "utf-16-le" if odd > even else "utf-16-be"
    is_likely = not min(even, odd) and max(even, odd) > MIN_ZEROS * len(sample) / 2
    return found if is_likely and CONTROL.search(sample.decode(found, "replace")) is None else "utf-8"


def as_utf8(file: io.BufferedReader, encoding: str) -> io.BufferedReader:
    """The same text in UTF-8 without a byte order mark; reading it may raise UnicodeDecodeError."""
    if encoding in ("utf-8", "utf-8-sig", "ascii"):
        if file.peek(1).startswith(codecs.BOM_UTF8):
            file.read(len(codecs.BOM_UTF8))
        return file
    return buffered(_Recoded(file, encoding))


class _Recoded:
    """A stream's text in UTF-8."""

    def __init__(self, file: Any, encoding: str) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._rest = b""

    def read(self, size: int) -> bytes:
        while not self._rest:
            content = self._file.read(size)
            self._rest = self._decoder.decode(content, final=not content).encode()
            if not content:
                break
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


def refusal(name: str, error: UnicodeDecodeError) -> SuiteError:
    """An error that names the broken bytes and, for what is not UTF-8, an encoding in which they are a word."""
    if error.encoding.replace("_", "-").lower() not in ("utf-8", "utf8", "ascii"):
        return SuiteError(f"{name} is not {error.encoding} ({error.reason}): name another --encoding")
    content, at = error.object, error.start
    before = [found.end() for found in SEPARATORS.finditer(content, max(0, at - 20), at)]
    after = SEPARATORS.search(content, at)
    end = min(after.start() if after else len(content), at + 20)
    word = content[before[-1] if before else max(0, at - 20) : end]
    guess = "cp1252" if _is_word(word) else "latin-1"
    return SuiteError(
        f"{name} is not UTF-8 (byte 0x{content[at]:02x}): if a word in it is {word.decode(guess)!r}, "
        f"say --encoding {guess}; else name its encoding or convert it, for example with iconv -t utf-8"
    )


def _is_word(word: bytes) -> bool:
    try:
        return word.decode("cp1252").isprintable()
    except UnicodeDecodeError:
        return False
