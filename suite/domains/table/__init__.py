"""Tables of any kind: rows to one of several classes, or to a number."""

from typing import ClassVar

from suite.data import builtin, tables
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.data.source import Source
from suite.domains.tabular import DATA_OPTIONS, TabularDomain


class Table(TabularDomain):
    """Rows of a table to one of several classes, or to a number."""

    name: ClassVar[str] = "table"
    summary: ClassVar[str] = "tables: CSV, JSON Lines, Parquet or a workbook with a label, which is a class or a number"
    default_data: ClassVar[str] = "wine"
    tasks: ClassVar[tuple[str, ...]] = ("classification", "regression")
    data_options: ClassVar[tuple[str, ...]] = ("task", *DATA_OPTIONS)

    def read(self, source: Source, options: DataOptions) -> Dataset:
        return tables.read_any(source, options)

    def task_of(self, dataset: Dataset) -> str:
        return "classification" if dataset.labels else "regression"

    def example(self, task: str = "") -> Dataset:
        if task == "regression":
            return builtin.load("diamonds", DataOptions()).sample(300)
        return builtin.load(self.default_data, DataOptions())


DOMAIN = Table()
