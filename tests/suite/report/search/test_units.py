import pytest

from suite.report.search import units


@pytest.mark.parametrize(
    ("objective", "value", "expected"),
    [("latency", 0.41234, "412.3 µs"),
        ("latency", 1.2345, "1.234 ms"), ("size", 45_300.0, "45.3 kB"), ("size", 512, "512 bytes"),
     ("flops", 2.5e6, "2.50 million"), ("flops", 0, "0"), ("val_accuracy", 0.5, "0.5000")],
)  # fmt: skip
def test_costs_are_written_with_their_unit(objective: str, value: float, expected: str) -> None:
    assert units.format_quantity(objective, value) == expected
