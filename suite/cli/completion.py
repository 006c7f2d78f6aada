"""`suite completion`: what lets a shell complete domains, models, data and options."""

import click
from click.shell_completion import get_completion_class

from suite.api.output import Output
from suite.cli import options

VARIABLE = "_SUITE_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command(epilog="Example: suite completion bash")
@click.argument("shell", type=click.Choice(SHELLS))
@options.printing
def command(shell: str, as_json: bool, quiet: bool) -> None:
    """Print the script with which SHELL completes commands, options, domains, models and data.

    \b
    bash: eval "$(suite completion bash)" in ~/.bashrc
    zsh:  eval "$(suite completion zsh)" in ~/.zshrc
    fish: suite completion fish | source in ~/.config/fish/config.fish
    """
    from suite.cli import group

    found = get_completion_class(shell)
    assert found is not None
    script = found(group, {}, "suite", VARIABLE).source()
    Output(as_json, quiet).result([script], {"shell": shell, "script": script})
