"""Guided decoding: a grammar of the tool calls that a prompt's catalog allows, and the token masks it gives.

`GUIDES` are the values of the axis: `off`, or `schema`, under which prose is free and every tool call that is
begun becomes one of the catalog, with arguments valid under its schema.
"""

GUIDES: tuple[str, ...] = ("off", "schema")
