"""Options that several commands take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def pairs(example: str) -> Callable[..., dict[str, str] | None]:
    """A callback that takes `KEY=VALUE`, given any number of times, as a mapping; None without any.

    Args:
        example: what an error shows.
    """

    def read(_: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str] | None:
        found = {}
        for value in values:
            key, separator, wanted = value.partition("=")
            if not separator or not key or not wanted:
                raise click.BadParameter(f"got {value!r}, expected {parameter.metavar}, such as {example}")
            found[key] = wanted
        return found or None

    return read


def kernel_option(text: str = "Pin an op, as in w4=torch.") -> Callable[[F], F]:
    """`--kernel OP=KERNEL`."""
    return click.option("--kernel", multiple=True, callback=pairs("w4=torch"), metavar="OP=KERNEL", help=text)


quantized_option = click.option(
    "--quantized",
    multiple=True,
    callback=pairs("gptq-w4=my-model-gptq"),
    metavar="PRECISION=FOLDER",
    help="The quantized version to run; by default what `lab models quantize` made.",
)
