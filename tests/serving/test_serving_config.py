"""Settings that make no sense are refused in one line, before anything starts."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from serving.config import RANGES, Config
from suite.cli import group
from suite.errors import UsageError


@pytest.mark.parametrize("name", RANGES)
def test_a_number_has_a_range(name: str) -> None:
    variable, (least, most) = f"SUITE_{name.upper()}", RANGES[name]
    for number in (least, most):
        assert getattr(Config.from_environment({variable: str(number)}), name) == number
    numbers = [most + 1, "9" * 400, "9" * 5000, "", "x", "1.5", " 1", "1\n2", "٣", *([least - 1] if least else []), -1]
    for text in map(str, numbers):
        with pytest.raises(UsageError, match=f"^{variable} is .{{0,60}}: give a whole number from {least} to {most}$"):
            Config.from_environment({variable: text})


def test_a_number_of_a_file_has_the_same_range(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    for number in ("1" + "0" * 400, '"' + "9" * 5000 + '"', "86401"):
        file.write_text(f'{{"keep_alive": {number}}}')
        with pytest.raises(UsageError, match=r"settings.json: SUITE_KEEP_ALIVE is .{0,60}: give .* from 1 to 86400$"):
            Config.of_file(file)


def test_the_command_has_the_same_range() -> None:
    done = CliRunner().invoke(group, ["serve", "--workers", "129"])
    assert done.exit_code == 2
    assert "129 is not in the range 1<=x<=128" in str(done.exception) + done.output
