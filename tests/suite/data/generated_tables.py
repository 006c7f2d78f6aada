"""Tables as people write them, in every format and dialect, some of them damaged."""

import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import written_tables as written
from hypothesis import strategies as st
from pyarrow import parquet

FIRST = datetime(2019, 1, 31, 8, 30, tzinfo=UTC)
MISSING = ("", "NA", "null", "-", "?", "\\N", "#N/A")
STRANGE = (
    "oops",
    "1e999",
    "-inf",
    "1_000",
    "१२",
    "32.13.2024",
    "x" * 300,
    '"',
    "a,b;c\td",
    "None",
    "0x1F",
    "😀",
    "\u00a0",
)
NAMES = ("amount", "self", "a/b", "Größe", "it's", "class?", "created_at", "no", "x" * 80, "A", "😀", "1")


def grouped(value: float, group: str, decimal: str) -> str:
    return f"{value:,.2f}".translate(str.maketrans(",.", group + decimal))


Cell = Callable[[random.Random, int], Any]
TEXTS: dict[str, Cell] = {
    "plain": lambda g, i: f"{g.gauss(50, 20):.3f}",
    "whole": lambda g, i: str(g.randrange(100)),
    "german": lambda g, i: grouped(g.gauss(0, 5000), ".", ","),
    "english": lambda g, i: grouped(g.gauss(0, 5000), ",", "."),
    "swiss": lambda g, i: grouped(g.gauss(0, 5000), "'", "."),
    "french": lambda g, i: grouped(g.gauss(0, 5000), "\u202f", ","),
    "dollars": lambda g, i: f"${grouped(g.gauss(0, 5000), ',', '.')}",
    "euros": lambda g, i: f"{grouped(g.gauss(0, 5000), '.', ',')} €",
    "percent": lambda g, i: f"{g.random() * 100:.1f}%",
    "exponent": lambda g, i: f"{g.gauss(0, 1):.3e}",
    "offset": lambda g, i: f"{1_772_668_800 + g.randrange(100) / 4:.2f}",
    "large": lambda g, i: str(2**60 + g.randrange(1000)),
    "boolean": lambda g, i: g.choice(["true", "False", "TRUE"]),
    "words": lambda g, i: g.choice(["yes", "no"]),
    "category": lambda g, i: g.choice(["FR", "DE", " AT", "Österreich", "a b"]),
    "identifier": lambda g, i: f"P-{i:05}",
    "constant": lambda g, i: "x",
    "sentence": lambda g, i: f"a sentence of several words, number {g.randrange(10**9)}, which goes on",
    "seconds": lambda g, i: str(1_700_000_000 + g.randrange(10**7)),
    **{
        form: lambda g, i, form=form: (FIRST + timedelta(g.randrange(2000), g.randrange(86_400))).strftime(form)
        for form in (
            "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%d.%m.%Y", "%m/%d/%Y %H:%M", "%d/%m/%y", "%d.%m.%y", "%d %b %Y",
            "%B %d, %Y %I:%M %p", "%d-%b-%y", "%y-%m-%d",
        )
    },
}  # fmt: skip
LABELS = (("0", "1"), ("no", "yes"), ("True", "false"), ("good", "none"), (" a", "b "), ("1.0", "0"))
FORMATS = ("csv", "jsonl", "json values", "json list", "parquet", "typed parquet", "feather", "arrow stream", "xlsx")
DAMAGES = (
    "none", "strange cell", "two strange cells", "strange label", "label missing", "spaces", "line ends in cells",
    "doubled name", "empty name", "no header", "only header", "short row", "long row", "empty lines", "blank start",
    "sep=", "open quote", "zero bytes", "late column", "cut off", "other byte",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How a table is written; `seed` decides the names and values."""

    seed: int
    columns: tuple[str, ...]
    format: str
    packing: str
    delimiter: str
    end: str
    encoding: str
    quote_all: bool
    missing: float
    damage: str

    def write(self, path: Path) -> Path:
        """Write the table."""
        generator = random.Random(self.seed)
        names, rows = self._rows(generator)
        content = self._encode(names, rows, generator)
        if self.damage == "cut off":
            content = content[: generator.randrange(1, len(content) + 1)]
        if self.damage == "other byte":
            changed = bytearray(content)
            changed[generator.randrange(len(changed))] = generator.randrange(256)
            content = bytes(changed)
        path.write_bytes(written.PACKINGS[self.packing](content))
        return path

    def _rows(self, generator: random.Random) -> tuple[list[str], list[list[str]]]:
        count = generator.randrange(20, 70)
        labels = generator.choice(LABELS)
        chosen = generator.sample(NAMES, len(self.columns))
        cells = {name: TEXTS[kind] for name, kind in zip(chosen, self.columns, strict=True)}
        table = {
            name: [
                generator.choice(MISSING) if generator.random() < self.missing else cell(generator, row)
                for row in range(count)
            ]
            for name, cell in cells.items()
        }
        position = generator.randrange(len(table) + 1)
        names = [*list(table)[:position], "label", *list(table)[position:]]
        table["label"] = [
            labels[int(row < 4 or generator.random() < 0.3)] if row < count - 4 else labels[0] for row in range(count)
        ]
        rows = [[table[name][row] for name in names] for row in range(count)]
        self._damage(names, rows, generator)
        return names, rows

    def _damage(self, names: list[str], rows: list[list[str]], generator: random.Random) -> None:
        row, column = generator.randrange(len(rows)), generator.randrange(len(names))
        label = names.index("label")
        if self.damage == "strange cell":
            rows[row][column - (column == label)] = generator.choice(STRANGE)
        elif self.damage == "strange label":
            rows[row][label] = generator.choice(STRANGE)
        elif self.damage == "label missing":
            rows[row][label] = generator.choice(MISSING)
        elif self.damage == "doubled name":
            names[column - (column == label)] = names[column - (column == label) - 1]
        elif self.damage == "empty name":
            names[column - (column == label)] = ""
        elif self.damage == "spaces":
            rows[:] = [[f" {cell}\u00a0" for cell in cells] for cells in rows]
            names[:] = [f" {name} " for name in names]
        elif self.damage == "line ends in cells":
            rows[row] = [f"{cell}\n{cell}" if index != label else cell for index, cell in enumerate(rows[row])]
        elif self.damage == "two strange cells":
            for _ in range(2):
                rows[generator.randrange(len(rows))][column - (column == label)] = generator.choice(STRANGE)
        elif self.damage == "only header":
            rows.clear()

    def _encode(self, names: list[str], rows: list[list[str]], generator: random.Random) -> bytes:
        if self.format == "csv":
            return self._csv(names, rows, generator)
        if self.format in ("jsonl", "json values", "json list"):
            return self._json(names, rows)
        if self.format == "typed parquet":
            file = io.BytesIO()
            arrays = [typed([row[index] for row in rows]) for index in range(len(names))]
            parquet.write_table(pa.Table.from_arrays(arrays, names), file)
            return file.getvalue()
        if self.format == "xlsx":
            return written.workbook({"one": [names, *rows]})
        write = {"parquet": written.as_parquet, "feather": written.as_feather, "arrow stream": written.as_arrow_stream}
        return write[self.format](names, rows)

    def _csv(self, names: list[str], rows: list[list[str]], generator: random.Random) -> bytes:
        place = generator.randrange(len(rows) or 1)
        if self.damage == "short row" and rows:
            rows[place] = rows[place][:-1]
        if self.damage == "long row" and rows:
            rows[place] = [*rows[place], "more"]
        text = written.csv(names, rows, self.delimiter, self.end, self.quote_all)
        lines = text.split(self.end)
        if self.damage == "empty lines":
            lines.insert(generator.randrange(len(lines)), "")
        elif self.damage == "open quote":
            lines[generator.randrange(len(lines))] += '"'
        elif self.damage == "no header":
            lines = lines[1:]
        elif self.damage == "zero bytes":
            lines[-1] += "\0"
        elif self.damage == "sep=":
            lines.insert(0, f"sep={self.delimiter}")
        elif self.damage == "blank start":
            lines[:0] = ["", ""]
        return self.end.join(lines).encode(self.encoding, "replace")

    def _json(self, names: list[str], rows: list[list[str]]) -> bytes:
        found = [dict(zip(names, row, strict=True)) for row in rows]
        if self.format == "json values":
            found = [{name: json_value(text) for name, text in row.items()} for row in found]
        if self.damage == "late column":
            for row in found[: len(found) // 2]:
                row.pop(names[0] if names[0] != "label" else names[-1])
        if self.format == "json list":
            return json.dumps(found, ensure_ascii=False, indent=1).encode()
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found).encode()


def json_value(text: str) -> Any:
    if text in MISSING:
        return None
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def typed(texts: list[str]) -> Any:
    """A column of Arrow's own types where all values allow it."""
    cells = [None if text in MISSING else text for text in texts]
    for read, kind in (
        (int, pa.int64()), (float, pa.float64()), (datetime.fromisoformat, pa.timestamp("us")),
    ):  # fmt: skip
        try:
            return pa.array([None if cell is None else read(cell) for cell in cells], kind)
        except (ValueError, pa.ArrowException, OverflowError):
            continue
    return pa.array(cells, pa.string()).dictionary_encode()


recipes = st.builds(
    Recipe,
    seed=st.integers(0, 2**32),
    columns=st.lists(st.sampled_from(list(TEXTS)), min_size=1, max_size=5).map(tuple),
    format=st.sampled_from(FORMATS),
    packing=st.sampled_from(["plain", "plain", *written.PACKINGS]),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    quote_all=st.booleans(),
    missing=st.sampled_from([0.0, 0.0, 0.1]),
    damage=st.sampled_from([*["none"] * 8, *DAMAGES]),
)
