"""The built-in domains, which do not import each other but may share a base, and the lookup of a domain's data."""

from pathlib import Path

from suite.data import builtin, split_files
from suite.data.dataset import Dataset
from suite.data.memory import Memory
from suite.data.options import DataOptions
from suite.domain import Domain
from suite.errors import UsageError


def load_data(domain: Domain, source: str | Memory | None, options: DataOptions) -> Dataset:
    """Read the data of a built-in name, a path or in memory, and of the files of validation and test rows.

    Without a name and a path, read the domain's own small data set.
    UsageError for an option that the domain does not support, for data of another domain, and if there is none.
    """
    for option in options.given():
        if option not in domain.data_options:
            raise UsageError(
                f"--{option.replace('_', '-')} means nothing to {domain.name}: it reads "
                + ", ".join(f"--{name.replace('_', '-')}" for name in domain.data_options)
            )
    split_files.check(options)
    source = source or domain.default_data
    if not source:
        raise UsageError(f"{domain.name} has no data of its own: give some with --data")
    dataset = _read(domain, source, options)
    return split_files.join(dataset, options, domain.read)


def _read(domain: Domain, source: str | Memory, options: DataOptions) -> Dataset:
    if isinstance(source, Memory):
        return domain.read(source, options)
    if source not in builtin.NAMES:
        return domain.read(Path(source), options)
    if builtin.NAMES[source].domain != domain.name:
        raise UsageError(f"'{source}' is data for {builtin.NAMES[source].domain}, not for {domain.name}")
    return builtin.load(source, options)
