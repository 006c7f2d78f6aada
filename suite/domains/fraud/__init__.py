"""Fraud detection: rows of a table to the probability that each is the rare, positive case."""

from typing import ClassVar

from suite.data import builtin, tables
from suite.data.dataset import Dataset
from suite.data.options import DataOptions
from suite.data.source import Source
from suite.domains.tabular import DATA_OPTIONS, TabularDomain


class FraudDetection(TabularDomain):
    """Fraud detection on the columns of a table; the second label is the rare one."""

    name: ClassVar[str] = "fraud"
    summary: ClassVar[str] = "fraud detection: CSV, JSON Lines or Parquet with a label of two values, one of them rare"
    default_data: ClassVar[str] = "card_fraud"
    tasks: ClassVar[tuple[str, ...]] = ("detection",)
    data_options: ClassVar[tuple[str, ...]] = ("positive", *DATA_OPTIONS)

    def read(self, source: Source, options: DataOptions) -> Dataset:
        return tables.read(source, options)

    def example(self, task: str = "") -> Dataset:
        return builtin.load(self.default_data, DataOptions()).sample(400)


DOMAIN = FraudDetection()
