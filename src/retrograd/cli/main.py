"""The entry point: reads the arguments, and turns every foreseeable failure into one line on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from retrograd.cli.predict import predict
from retrograd.cli.train_digits import train_digits
from retrograd.cli.train_table import train_table
from retrograd.core.errors import RetrogradError
from retrograd.version import __version__

FAILED: Final = 1
WRONG_USE: Final = 2
INTERRUPTED: Final = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="retrograd", message="%(prog)s %(version)s")
def cli() -> None:
    """Train neural networks by backpropagation."""


class TrainGroup(click.Group):
    """Takes what is no command of its own as a table to train on; options may stand before its name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return train_table.name, train_table, args


@cli.group(cls=TrainGroup, context_settings={"ignore_unknown_options": True})
def train() -> None:
    """Train a model: on your table, or on the digits that come with the library."""


train.add_command(train_digits)
train.add_command(train_table)
cli.add_command(predict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; those of the process where it is left out.

    Returns:
        The exit status: 0, 1 for a failure, 2 for wrong use, 130 after Ctrl-C.

    Example:
        >>> main(["--version"])
        retrograd 0.1.0
        0
    """
    try:
        cli.main(None if arguments is None else list(arguments), prog_name="retrograd", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return WRONG_USE
    except click.ClickException as error:
        return _complain(error.format_message(), error.exit_code)
    except (RetrogradError, OSError, MemoryError) as error:
        return _complain(str(error) or type(error).__name__, FAILED)
    except (KeyboardInterrupt, click.Abort):
        return _complain("interrupted", INTERRUPTED)
    return 0


def run() -> NoReturn:
    """The installed program `retrograd`."""
    sys.exit(main())


def _complain(message: str, status: int) -> int:
    click.echo(f"retrograd: {' '.join(message.split())}", err=True)
    return status


if __name__ == "__main__":
    run()
