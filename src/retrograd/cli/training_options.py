"""The options that every kind of training has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import click

from retrograd.cli.option_types import layer_sizes, positive_number

Command = Callable[..., Any]


class Defaults(Protocol):
    """What the options are where a user leaves them out."""

    @property
    def optimizer(self) -> str: ...
    @property
    def epochs(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def seed(self) -> int: ...


def training_options(
    defaults: Defaults, optimizers: Sequence[str], learning_rates: str, hidden: str
) -> Callable[[Command], Command]:
    """A decorator that gives a command the options of training.

    Args:
        defaults: what holds where an option is left out.
        optimizers: the names to choose from.
        learning_rates: the default learning rates, in words.
        hidden: the default sizes of the hidden layers, in words.
    """
    sizes_help = f"Units of the hidden dense layers; repeat it or separate by commas.  [default: {hidden}]"
    options = [
        click.option("--hidden", type=layer_sizes, metavar="SIZES", multiple=True, help=sizes_help),
        click.option("--optimizer", type=click.Choice(optimizers), default=defaults.optimizer, show_default=True),
        click.option(
            "--lr", type=positive_number, metavar="NUMBER", help=f"Learning rate.  [default: {learning_rates}]"
        ),
        click.option("--epochs", type=click.IntRange(min=1), default=defaults.epochs, show_default=True),
        click.option("--batch-size", type=click.IntRange(min=1), default=defaults.batch_size, show_default=True),
        click.option(
            "--seed",
            type=click.IntRange(min=0, max=2**64 - 1),
            default=defaults.seed,
            show_default=True,
            help="Fixes the initial weights and every order that is drawn.",
        ),
        click.option("--threads", type=click.IntRange(min=1, max=1024), help="CPU threads.  [default: all]"),
        click.option("--quiet", is_flag=True, help="Print the result only."),
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def joined(hidden: tuple[tuple[int, ...], ...]) -> tuple[int, ...] | None:
    """The sizes of a `--hidden` that may have been repeated; None where it was left out.

    >>> joined(((128, 64), (32,))), joined(())
    ((128, 64, 32), None)
    """
    return tuple(size for sizes in hidden for size in sizes) or None
