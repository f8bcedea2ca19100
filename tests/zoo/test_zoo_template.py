"""The embedded model's chat template: its wire format, and that prompts only ever grow at the end."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import pytest
from transformers.utils.chat_template_utils import render_jinja_template

TEMPLATE = (resources.files("lab.zoo") / "smollm2.jinja").read_text(encoding="utf-8")
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city — today.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def call(identity: str, **arguments: Any) -> dict[str, Any]:
    return {"id": identity, "type": "function", "function": {"name": "weather", "arguments": arguments}}


MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": " Oslo or Łódź? "},
    {"role": "assistant", "tool_calls": [call("a", city="Oslo"), call("b", city="Łódź", days=2)]},
    {"role": "tool", "tool_call_id": "a", "content": '{"t": -3}'},
    {"role": "tool", "tool_call_id": "b", "content": "rain\n"},
    {"role": "assistant", "content": "\n Oslo. ", "tool_calls": [call("c", city="Bergen")]},
    {"role": "tool", "tool_call_id": "c", "content": ""},
    {"role": "assistant", "content": "3 °C in Bergen."},
    {"role": "user", "content": "Thanks"},
]


def render(
    messages: list[dict[str, Any]], tools: list[dict[str, Any]] | None = None, prompt: bool = True
) -> str:
    texts, _ = render_jinja_template(
        conversations=[messages], chat_template=TEMPLATE, tools=tools, add_generation_prompt=prompt
    )
    return str(texts[0])


def wire(city: str, days: int | None = None) -> str:
    more = "" if days is None else f', "days": {days}'
    return f'<tool_call>\n{{"name": "weather", "arguments": {{"city": "{city}"{more}}}}}\n</tool_call>'


def test_a_session_without_tools_is_plain_chatml_with_a_default_system_turn() -> None:
    assert render([{"role": "user", "content": "Hi"}]) == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_system_message_takes_the_place_of_the_default_one() -> None:
    text = render(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], prompt=False
    )
    assert text == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"


def test_tools_stand_in_the_system_turn_one_signature_a_line() -> None:
    system = render(MESSAGES[:1], [TOOL, TOOL]).split("<|im_end|>")[0]
    listed = system.split("<tools>\n")[1].split("\n</tools>")[0].splitlines()
    assert [json.loads(line) for line in listed] == [TOOL["function"]] * 2
    assert 'today."' in listed[0]
    assert "— today" in listed[0]
    assert system.startswith("<|im_start|>system\nYou are a helpful assistant.\n\n")
    assert '<tool_call>\n{"name": ' in system


def test_calls_and_results_are_rendered_in_the_wire_format() -> None:
    turns = render(MESSAGES, [TOOL]).split("<|im_start|>")[2:]
    assert turns == [
        "user\n Oslo or Łódź? <|im_end|>\n",
        f"assistant\n{wire('Oslo')}\n{wire('Łódź', days=2)}<|im_end|>\n",
        'tool\n<tool_response>\n{"t": -3}\n</tool_response><|im_end|>\n',
        "tool\n<tool_response>\nrain\n\n</tool_response><|im_end|>\n",
        f"assistant\nOslo.\n{wire('Bergen')}<|im_end|>\n",
        "tool\n<tool_response>\n\n</tool_response><|im_end|>\n",
        "assistant\n3 °C in Bergen.<|im_end|>\n",
        "user\nThanks<|im_end|>\n",
        "assistant\n",
    ]


def test_arguments_given_as_json_text_are_rendered_as_they_are() -> None:
    as_text = call("a")
    as_text["function"]["arguments"] = '{"city": "Oslo"}'
    message = {"role": "assistant", "tool_calls": [as_text]}
    assert '"arguments": {"city": "Oslo"}}\n' in render([MESSAGES[0], message])


@pytest.mark.parametrize("tools", [None, [TOOL]])
def test_a_prompt_is_a_prefix_of_every_later_prompt(tools: list[dict[str, Any]] | None) -> None:
    replies = [index for index, message in enumerate(MESSAGES) if message["role"] == "assistant"]
    for early in replies:
        for late in range(early + 1, len(MESSAGES) + 1):
            assert render(MESSAGES[:late], tools).startswith(render(MESSAGES[:early], tools))
