"""Tables of any kind: rows to one of several classes, or to a number."""

from typing import ClassVar

from suite.data import builtin, tables
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.data.source import Source
from suite.domain import Recipe
from suite.domains.tabular import DATA_OPTIONS, TableRecipe, TabularDomain


class Table(TabularDomain):
    """Rows of a table to one of several classes, or to a number."""

    name: ClassVar[str] = "table"
    summary: ClassVar[str] = "tables: CSV, JSON Lines, Parquet or a workbook, with a class or a number as label"
    default_data: ClassVar[str] = "wine"
    # Numbers need more steps and less noise than rare classes; most is gained as the learning rate falls to nothing.
    dropout: ClassVar[float] = 0.1
    recipe: ClassVar[Recipe] = TableRecipe(
        epochs=70, batch_size=128, patience=16, learning_rate=8e-3, weight_decay=3e-2
    )  # fmt: skip
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
