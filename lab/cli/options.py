"""Options that several commands take."""

from __future__ import annotations

import click


def kernel_pins(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str] | None:
    """`OP=KERNEL`, given any number of times, as a mapping; None without any."""
    pins = {}
    for value in values:
        op, separator, kernel = value.partition("=")
        if not separator or not op or not kernel:
            raise click.BadParameter(f"got {value!r}, expected OP=KERNEL, such as w4=torch")
        pins[op] = kernel
    return pins or None
