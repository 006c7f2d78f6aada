"""What a file is, told by its first bytes and not by its name."""

from suite.errors import SuiteError

PARQUET, FEATHER, ARROW_STREAM, WORKBOOK, ARRAYS, JSON, CSV = (
    "Parquet", "Feather", "an Arrow stream", "a workbook", "NumPy arrays", "JSON", "CSV",
)  # fmt: skip
# What each suffix promises.
SUFFIXES = {
    ".csv": CSV, ".tsv": CSV, ".tab": CSV, ".txt": CSV, ".json": JSON, ".jsonl": JSON, ".ndjson": JSON,
    ".parquet": PARQUET, ".pq": PARQUET, ".feather": FEATHER, ".arrow": FEATHER, ".xlsx": WORKBOOK,
    ".xlsm": WORKBOOK, ".xlsb": WORKBOOK, ".xls": WORKBOOK, ".ods": WORKBOOK, ".npz": ARRAYS,
}  # fmt: skip
MAGIC = {
    b"PAR1": PARQUET, b"ARROW1": FEATHER, b"FEA1": FEATHER, b"\xff\xff\xff\xff": ARROW_STREAM,
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": WORKBOOK,
}  # fmt: skip
ZIP = b"PK\x03\x04"
SAVE, UNPACK, PICTURE = "save the table as Parquet or CSV", "unpack it first", "give a table of paths"
# What cannot be read, by its first bytes: what it is, and the way out.
OTHERS = {
    b"SQLite format 3": ("an SQLite database", SAVE),
    b"\x89HDF\r\n": ("an HDF5 file", SAVE),
    b"Obj\x01": ("an Avro file", SAVE),
    b"\x80\x04\x95": ("a pickle of Python", SAVE),
    b"\x80\x05\x95": ("a pickle of Python", SAVE),
    b"\x93NUMPY": ("a NumPy array", SAVE),
    b"%PDF-": ("a PDF document", SAVE),
    b"{\\rtf": ("an RTF document", "save it as plain text"),
    b"<!DOCTYPE": ("a web page", "download the table itself"),
    b"<!doctype": ("a web page", "download the table itself"),
    b"<html": ("a web page", "download the table itself"),
    b"<?xml": ("XML", SAVE),
    b"\x89PNG\r\n": ("a picture", PICTURE),
    b"\xff\xd8\xff": ("a picture", PICTURE),
    b"GIF89a": ("a picture", PICTURE),
    b"GIF87a": ("a picture", PICTURE),
    b"Rar!\x1a": ("a RAR archive", UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", UNPACK),
    b"\x04\x22\x4d\x18": ("packed with lz4", UNPACK),
    b"\x1f\x8b": ("packed twice", UNPACK),
}


def kind_of(start: bytes, suffix: str, name: str) -> str:
    """One of the kinds above, of unpacked content that starts with these bytes.

    Only text that may be either is taken for JSON or CSV by the suffix. SuiteError for another kind of file.
    """
    for magic, kind in MAGIC.items():
        if start.startswith(magic):
            return kind
    if start.startswith(ZIP):
        return _kind_of_zip(start, name)
    for magic, (what, way_out) in OTHERS.items():
        if start.startswith(magic):
            raise SuiteError(f"{name} is {what}, not a table: {way_out}")
    if start[257:262] == b"ustar":
        raise SuiteError(f"{name} is a tar archive, not a table: unpack it first")
    return _kind_of_text(start, suffix)


def _kind_of_zip(start: bytes, name: str) -> str:
    if b"[Content_Types].xml" in start[:64] or b"opendocument.spreadsheet" in start[:128] or b"xl/" in start[:4096]:
        return WORKBOOK
    if b".npy" in start[:128]:
        return ARRAYS
    raise SuiteError(f"{name} is a ZIP archive, not a table: unpack it first")


def _kind_of_text(start: bytes, suffix: str) -> str:
    text = start[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if SUFFIXES.get(suffix) == JSON and text[:1] in (b"{", b"["):
        return JSON
    # A header may be in brackets, too.
    inner = text[1:].lstrip()[:1]
    return JSON if (text[:1], inner) in ((b"{", b'"'), (b"{", b"}"), (b"[", b"{"), (b"[", b"]")) else CSV
