"""Writers of small tables in many forms, for tests of readers."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

import pyarrow as pa
import zstandard
from pyarrow import feather, parquet

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes, "gzip": gzip.compress, "zstd": zstandard.compress, "xz": lzma.compress, "bzip2": bz2.compress,
}  # fmt: skip
Rows = Sequence[Sequence[str]]


def csv(names: Sequence[str], rows: Rows, delimiter: str = ",", end: str = "\n", quote_all: bool = False) -> str:
    """CSV as spreadsheets write it: what holds a quote, a line end or a usual delimiter is quoted."""

    def cell(text: str) -> str:
        needed = quote_all or text.strip() != text or any(one in text for one in ',;\t|"\r\n')
        return '"' + text.replace('"', '""') + '"' if needed else text

    return "".join(delimiter.join(map(cell, row)) + end for row in (names, *rows))


def json_lines(names: Sequence[str], rows: Rows) -> str:
    return "".join(json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)


def json_list(names: Sequence[str], rows: Rows) -> str:
    return json.dumps([dict(zip(names, row, strict=True)) for row in rows], ensure_ascii=False, indent=1)


def arrow(names: Sequence[str], rows: Rows) -> pa.Table:
    return pa.table({name: [row[index] for row in rows] for index, name in enumerate(names)})


def as_parquet(names: Sequence[str], rows: Rows) -> bytes:
    file = io.BytesIO()
    parquet.write_table(arrow(names, rows), file)
    return file.getvalue()


def as_feather(names: Sequence[str], rows: Rows) -> bytes:
    file = io.BytesIO()
    feather.write_feather(arrow(names, rows), file)
    return file.getvalue()


def as_arrow_stream(names: Sequence[str], rows: Rows) -> bytes:
    file = io.BytesIO()
    table = arrow(names, rows)
    with pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)
    return file.getvalue()


def workbook(sheets: dict[str, Sequence[Sequence[str | float]]]) -> bytes:
    """An Excel workbook with these sheets."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    numbered = list(enumerate(sheets, 1))
    files = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}"><Relationship Id="r" Type="{relations}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        + "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, name in numbered)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}">'
        + "".join(
            f'<Relationship Id="r{n}" Type="{relations}/worksheet" Target="worksheets/sheet{n}.xml"/>'
            for n, _ in numbered
        )
        + "</Relationships>",
    }
    for number, name in numbered:
        rows = "".join(
            f'<row r="{r}">{"".join(_cell(f"{chr(64 + c)}{r}", value) for c, value in enumerate(row, 1))}</row>'
            for r, row in enumerate(sheets[name], 1)
        )
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def _cell(place: str, value: str | float) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'
