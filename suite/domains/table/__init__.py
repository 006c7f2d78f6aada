"""Tables of any kind: rows to one of several classes, or to a number."""

from pathlib import Path
from typing import ClassVar

from suite.data import builtin, tables
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.domains.tabular import DATA_OPTIONS, TabularDomain


class Table(TabularDomain):
    """Classification of the rows of a table."""

    name: ClassVar[str] = "table"
    summary: ClassVar[str] = "tables: CSV, JSON Lines, Parquet or a workbook with a label of two classes or more"
    default_data: ClassVar[str] = "wine"
    data_options: ClassVar[tuple[str, ...]] = DATA_OPTIONS

    def read(self, source: Path, options: DataOptions) -> Dataset:
        return tables.read_any(source, options)

    def example(self) -> Dataset:
        return builtin.load(self.default_data, DataOptions())


DOMAIN = Table()
