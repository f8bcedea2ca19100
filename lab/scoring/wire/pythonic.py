"""The pythonic family: a list of Python calls, read as literals and never evaluated."""

from __future__ import annotations

import ast
import re
import warnings
from typing import Any

from lab.scoring.wire.base import Found, MalformedError, ParsedCall, closing, make_call

OPENER, CLOSER = "<|tool_call_start|>", "<|tool_call_end|>"
_BARE = re.compile(r"^[ \t]*(\[)\s*[A-Za-z_][\w.]*\s*\(", re.MULTILINE)
_CUT_OFF = re.compile(r"\s*\[\s*([A-Za-z_][\w.]*)?\s*")
# Only used inside a list that Python cannot read as a whole: the places where a new call seems to begin.
_NEXT_CALL = re.compile(r",\s*(?=[A-Za-z_][\w.]*\s*\()")
_JSON_WORDS = {"true": True, "false": False, "null": None}


def _tree(code: str) -> ast.expr:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an unknown escape such as "\d", whose value is clear
            return ast.parse(code, mode="eval").body
    except SyntaxError as error:
        raise MalformedError(f"not a Python call ({error.msg})") from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise MalformedError(f"not a usable Python call ({type(error).__name__})") from None


def _value(node: ast.expr) -> Any:
    """The JSON value of a literal; `true`, `false` and `null` as JSON has them, a tuple as a list."""
    match node:
        case ast.Constant(value=str() | bool() | int() | float() | None as value):
            return value
        case ast.Name(id=word) if word in _JSON_WORDS:
            return _JSON_WORDS[word]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)) if (
            not isinstance(number, bool)
        ):
            return -number
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            names = [key.value if isinstance(key, ast.Constant) else None for key in keys]
            if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
                raise MalformedError("a key of a dict is no text, or repeats")
            return {str(name): _value(value) for name, value in zip(names, values, strict=True)}
    raise MalformedError(f"{type(node).__name__} is not a literal")


def _call(node: ast.expr) -> ParsedCall:
    if not isinstance(node, ast.Call):
        raise MalformedError(f"{type(node).__name__} is not a call")
    path: list[str] = []
    function = node.func
    while isinstance(function, ast.Attribute):
        path.append(function.attr)
        function = function.value
    if not isinstance(function, ast.Name):
        raise MalformedError("the function has no plain name")
    name = ".".join([function.id, *reversed(path)])
    names = [keyword.arg for keyword in node.keywords]
    if node.args or None in names:
        raise MalformedError(f"an argument of {name!r} has no name")
    if len(set(names)) != len(names):
        raise MalformedError(f"an argument of {name!r} repeats")
    return make_call(name, {str(keyword.arg): _value(keyword.value) for keyword in node.keywords})


def _collect(found: Found, code: str) -> None:
    """The calls of one list; where the list as a whole is no Python, each call is read on its own."""
    try:
        tree = _tree(code)
        if not isinstance(tree, ast.List):
            found.bad("not a list of calls")
            return
        nodes: list[ast.expr | str] = list(tree.elts)
    except MalformedError:
        nodes = list(_NEXT_CALL.split(code.strip().removeprefix("[").removesuffix("]")))
    for node in nodes:
        try:
            found.calls.append(_call(_tree(node.strip()) if isinstance(node, str) else node))
        except (MalformedError, RecursionError) as reason:
            found.bad(reason)


def _collect_open(found: Found, code: str, reason: str) -> None:
    """The complete calls of a list that the text ends inside of."""
    *complete, last = _NEXT_CALL.split(code.strip().removeprefix("["))
    for piece in complete:
        _collect(found, f"[{piece}]")
    found.cut(f"{reason} ({last.strip()[:40]!r})")


def pythonic(text: str) -> Found:
    """`[f(a=1), g()]` from the beginning of a line, or anything between `<|tool_call_start|>` and its end."""
    found, position = Found(), 0
    while (start := text.find(OPENER, position)) != -1:
        found.content.append(text[position:start])
        inside = start + len(OPENER)
        close, again = text.find(CLOSER, inside), text.find(OPENER, inside)
        if close == -1 and again == -1:
            _collect_open(found, text[inside:], f"the text ends before {CLOSER}")
            return found
        if close != -1 and (again == -1 or close < again):
            _collect(found, text[inside:close].strip())
            position = close + len(CLOSER)
        else:
            found.bad(f"{CLOSER} is missing")
            position = again
    if position:
        found.content.append(text[position:])
        return found
    if _CUT_OFF.fullmatch(text):
        found.unfinished = "the text ends inside the list of calls"
    while match := _BARE.search(text, position):
        start = match.start(1)
        found.content.append(text[position:start])
        end = closing(text, start, quotes="\"'")
        if end is None:
            _collect_open(found, text[start:], "the text ends inside the list of calls")
            return found
        _collect(found, text[start:end])
        position = end
    found.content.append(text[position:])
    return found
