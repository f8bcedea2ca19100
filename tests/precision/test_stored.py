"""Quantized checkpoints give the logits of a checkpoint that has the weights they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from click.testing import CliRunner
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers.utils import logging

from lab.cli.models import models
from lab.errors import UserError
from lab.kernels import cpu
from lab.kernels.w4a8.reference import quantize_rows
from lab.models.checkpoint import load_decoder
from lab.models.decoder import Decoder
from lab.precision.base import load_precision
from lab.precision.nf4 import codebook, quantize

TOKENS = torch.arange(12)
CPU = torch.device("cpu")
GROUP = 32
SHAPE = {
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}

# A module's tensors, and the weight [out, in] that they stand for.
Packed = tuple[dict[str, Tensor], Tensor]


def words(numbers: Tensor, places: tuple[int, ...] = tuple(range(8))) -> Tensor:
    """uint8 [n, m] -> int32 [n, m / 8], number k of a word at nibble places[k]."""
    shifted = numbers.long().unflatten(1, (-1, 8)) << torch.tensor([4 * place for place in places])
    return shifted.sum(-1).to(torch.uint32).view(torch.int32)


def random_codes(weight: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, and scales (fp16) and zero points by group: any will do."""
    rows, columns = weight.shape
    groups = (rows, columns // GROUP)
    codes = torch.randint(0, 16, weight.shape, generator=generator, dtype=torch.uint8)
    scales = (torch.rand(groups, generator=generator) * 0.03 + 0.01).half()
    zeros = torch.randint(1, 16, groups, generator=generator, dtype=torch.uint8)
    return codes, scales, zeros


def meant(codes: Tensor, scales: Tensor, zeros: Tensor) -> Tensor:
    blocks = codes.float().unflatten(1, (-1, GROUP))
    return ((blocks - zeros.float()[..., None]) * scales.float()[..., None]).flatten(1)


def gptq(*, v2: bool = False, symmetric: bool = False, act_order: bool = False) -> Callable[..., Packed]:
    def pack(weight: Tensor, generator: torch.Generator) -> Packed:
        codes, scales, zeros = random_codes(weight, generator)
        if symmetric:
            zeros.fill_(8)
        columns = weight.shape[1]
        order = torch.randperm(columns, generator=generator) if act_order else torch.arange(columns)
        index = torch.empty(columns, dtype=torch.int32)
        index[order] = torch.arange(columns, dtype=torch.int32) // GROUP
        stood, stored = torch.empty_like(weight, dtype=torch.float32), torch.empty_like(codes)
        stood[:, order], stored[:, order] = meant(codes, scales, zeros), codes
        return {
            "qweight": words(stored).t().contiguous(),
            "qzeros": words((zeros if v2 else zeros - 1).t().contiguous()),
            "scales": scales.t().contiguous(),
            "g_idx": index,
        }, stood

    return pack


def awq(weight: Tensor, generator: torch.Generator) -> Packed:
    codes, scales, zeros = random_codes(weight, generator)
    places = (0, 4, 1, 5, 2, 6, 3, 7)
    return {
        "qweight": words(codes.t().contiguous(), places),
        "qzeros": words(zeros.t().contiguous(), places),
        "scales": scales.t().contiguous(),
    }, meant(codes, scales, zeros)


def nf4(*, nested: bool) -> Callable[..., Packed]:
    def pack(weight: Tensor, generator: torch.Generator) -> Packed:
        codes = torch.randint(0, 16, weight.shape, generator=generator, dtype=torch.uint8)
        blocks = weight.numel() // 64
        state: dict[str, Any] = {"quant_type": "nf4", "blocksize": 64, "shape": list(weight.shape)}
        tensors = {"weight": ((codes.view(-1)[::2] << 4) | codes.view(-1)[1::2])[:, None].contiguous()}
        scales = torch.rand(blocks, generator=generator) + 0.5
        if nested:
            book = torch.linspace(-1, 1, 256)
            coded = torch.randint(0, 256, (blocks,), generator=generator, dtype=torch.uint8)
            largest = torch.rand(-(-blocks // 256), generator=generator) / 2
            scales = book[coded.long()] * largest.repeat_interleave(256)[:blocks] + 1.0
            tensors |= {
                "weight.absmax": coded,
                "weight.nested_absmax": largest,
                "weight.nested_quant_map": book,
            }
            state |= {"nested_blocksize": 256, "nested_offset": 1.0}
        else:
            tensors["weight.absmax"] = scales
        tensors["weight.quant_map"] = codebook()
        raw = torch.tensor(list(json.dumps(state).encode()), dtype=torch.uint8)
        tensors["weight.quant_state.bitsandbytes__nf4"] = raw
        values = codebook().bfloat16().float()[codes.long()]
        return tensors, (values.view(-1, 64) * scales[:, None]).view(weight.shape)

    return pack


GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": GROUP}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": GROUP, "version": "gemm", "zero_point": True}
BNB = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
FORMS: dict[str, tuple[str, dict[str, Any], Callable[..., Packed]]] = {
    "gptq": ("gptq-w4", GPTQ, gptq()),
    "gptq, v2": ("gptq-w4", GPTQ | {"checkpoint_format": "gptq_v2"}, gptq(v2=True)),
    "gptq, symmetric": ("gptq-w4", GPTQ, gptq(symmetric=True)),
    "gptq, act-order": ("gptq-w4", GPTQ, gptq(act_order=True)),
    "awq": ("awq-w4", AWQ, awq),
    "nf4": ("nf4", BNB, nf4(nested=False)),
    "nf4, double": ("nf4", BNB, nf4(nested=True)),
}


def save(
    folder: Path, quantization: dict[str, Any], pack: Callable[..., Packed], family: str = "Llama"
) -> tuple[Path, Path]:
    """A random model quantized, and one in floats with the weights that it stands for."""
    logging.disable_progress_bar()
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**SHAPE)
    model = getattr(transformers, f"{family}ForCausalLM")(config)
    floats, quantized = folder / "floats", folder / "quantized"
    for path in (floats, quantized):
        model.save_pretrained(path)
    plain, packed = load_file(floats / "model.safetensors"), {}
    generator = torch.Generator().manual_seed(1)
    for name, tensor in list(plain.items()):
        if "_proj.weight" in name:
            tensors, plain[name] = pack(tensor, generator)
            packed |= {f"{name.removesuffix('weight')}{key}": value for key, value in tensors.items()}
        else:
            packed[name] = tensor
    save_file(plain, floats / "model.safetensors", {"format": "pt"})
    save_file(packed, quantized / "model.safetensors", {"format": "pt"})
    edit_config(quantized, quantization_config=quantization)
    return quantized, floats


def edit_config(path: Path, **changes: Any) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | changes))


def load(path: Path, precision: str, **pins: str) -> Decoder:
    return load_decoder(path, load_precision(precision, pins), CPU, kernels=pins)


def logits(decoder: Decoder) -> Tensor:
    return decoder.forward(TOKENS, decoder.new_cache())


def assert_as_near(found: Tensor, eager: Tensor, floats: Path) -> None:
    """To float32's logits, as those of bf16's eager operators are, within twice their largest error."""
    exact = logits(load(floats, "fp32"))
    assert (found - exact).abs().max() <= 2 * (eager - exact).abs().max()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", ["Llama", "Qwen2", "Qwen3"])
def test_logits_are_those_of_the_weights_it_stands_for(form: str, family: str, tmp_path: Path) -> None:
    precision, quantization, pack = FORMS[form]
    quantized, floats = save(tmp_path, quantization, pack, family)
    found = logits(load(quantized, precision, w4="reference", dense="torch", stack="torch"))
    wanted = logits(load(floats, "bf16", dense="torch", stack="torch"))
    if form == "gptq, act-order":  # the same products, summed in another order
        assert_as_near(found, wanted, floats)
    else:
        assert torch.equal(found, wanted)


@pytest.mark.parametrize("form", FORMS)
def test_the_lab_s_own_kernel_multiplies_every_form(form: str, tmp_path: Path) -> None:
    precision, quantization, pack = FORMS[form]
    quantized, floats = save(tmp_path, quantization, pack)
    mine = load(quantized, precision, w4="cpu")
    assert {layer.qkv.matmul.kernel for layer in mine.layers} == {"cpu"}
    assert_as_near(logits(mine), logits(load(quantized, precision, w4="reference", stack="torch")), floats)


def test_gptq_w4a8_multiplies_the_same_weights_by_rows_in_8_bits(tmp_path: Path) -> None:
    quantized, floats = save(tmp_path, GPTQ, gptq())
    x = torch.randn(5, 128, generator=torch.Generator().manual_seed(0)).bfloat16()
    integers, scales = quantize_rows(x)
    exact = load(floats, "fp32").layers[0].down(integers * scales)
    for kernel in ("reference", *(["cpu"] if cpu.library() is not None else [])):
        mine = load(quantized, "gptq-w4a8", w4a8=kernel, stack="torch").layers[0].down
        assert mine.matmul.kernel == kernel
        torch.testing.assert_close(mine(x).float(), exact, rtol=0.01, atol=0.01)
        assert (mine(x).float() - load(floats, "fp32").layers[0].down(x.float())).abs().max() > 0.01


def test_columns_in_another_order_keep_the_layers_out_of_one_call(tmp_path: Path) -> None:
    straight, _ = save(tmp_path / "straight", GPTQ, gptq())
    permuted, _ = save(tmp_path / "permuted", GPTQ, gptq(act_order=True))
    assert load(straight, "gptq-w4", w4="cpu").kernels["stack"] == "cpu"
    assert load(permuted, "gptq-w4", w4="cpu").kernels["stack"] == "torch"


def test_stored_bytes_are_codes_scales_zeros_and_the_order_of_columns(tmp_path: Path) -> None:
    sizes = {}
    for form in ("gptq, symmetric", "gptq", "gptq, act-order", "nf4"):
        precision, quantization, pack = FORMS[form]
        quantized, _ = save(tmp_path / form, quantization, pack)
        sizes[form] = load(quantized, precision).layers[0].down.stored_bytes
    codes, scales, zeros = 64 * 128 // 2, 64 * 4 * 2, 64 * 4 // 2
    assert sizes["gptq, symmetric"] == codes + scales
    assert sizes["gptq"] == codes + scales + zeros
    assert sizes["gptq, act-order"] == codes + scales + zeros + 128 * 4
    assert sizes["nf4"] == codes + 64 * 2 * 4 + 16 * 2


def test_inspect_shows_what_every_product_takes(tmp_path: Path) -> None:
    quantized, _ = save(tmp_path, GPTQ, gptq())
    arguments = ["inspect", str(quantized), "--precision", "gptq-w4", "--json"]
    result = CliRunner().invoke(models, arguments, catch_exceptions=False)
    found = json.loads(result.stdout.splitlines()[-1])["precision"]
    down = next(product for product in found["products"] if product["name"] == "layers.*.down")
    # Of 64 x 128 weights in groups of 32: half a byte each, two bytes a scale and half a byte a zero point.
    assert (down["out"], down["in"], down["count"]) == (64, 128, 2)
    assert down["bytes"] == 2 * (64 * 128 // 2 + 256 * 2 + 128)
    assert down["bits_per_weight"] == pytest.approx(4 + 16 / 32 + 4 / 32)
    assert found["bytes"] == load(quantized, "gptq-w4").stored_bytes


def test_a_module_that_was_left_in_floats_is_multiplied_in_bf16(tmp_path: Path) -> None:
    quantized, floats = save(tmp_path, GPTQ, gptq())
    file, plain = quantized / "model.safetensors", load_file(floats / "model.safetensors")
    held, name = load_file(file), "model.layers.0.mlp.down_proj"
    for key in ("qweight", "qzeros", "scales", "g_idx"):
        held.pop(f"{name}.{key}")
    held[f"{name}.weight"] = plain[f"{name}.weight"]
    save_file(held, file, {"format": "pt"})
    pins = {"w4": "reference", "dense": "torch", "stack": "torch"}
    assert torch.equal(
        logits(load(quantized, "gptq-w4", **pins)), logits(load(floats, "bf16", dense="torch", stack="torch"))
    )


def test_half_of_a_joined_layer_quantized_is_refused(tmp_path: Path) -> None:
    quantized, _ = save(tmp_path, GPTQ, gptq())
    file = quantized / "model.safetensors"
    held = load_file(file)
    held.pop("model.layers.1.mlp.up_proj.qweight")
    save_file(held, file, {"format": "pt"})
    with pytest.raises(
        UserError, match=r"got model\.layers\.1\.mlp\.up_proj without qweight, expected all of"
    ):
        load(quantized, "gptq-w4")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"bits": 8}, "bits: got 8, expected 4"),
        ({"checkpoint_format": "marlin"}, "checkpoint_format: got 'marlin', expected one of gptq, gptq_v2"),
        ({"group_size": 48}, "group_size: got 48, expected -1, or a divisor of the 64 columns of"),
        ({"group_size": "32"}, "group_size: got 32, expected -1"),
        ({"pack_dtype": "int64"}, "pack_dtype: got 'int64'"),
        ({"lm_head": True}, "lm_head: got a quantized head"),
        ({"dynamic": {"+:.*down.*": {"bits": 8}}}, "dynamic: got other settings for some modules"),
        ({"group_size": 64}, r"tensor .*q_proj.qzeros: got shape \(2, 8\), expected \(1, 8\)"),
    ],
)
def test_a_gptq_setting_that_is_not_read_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    quantized, _ = save(tmp_path, GPTQ | changes, gptq())
    with pytest.raises(UserError, match=told):
        load(quantized, "gptq-w4")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": "gemv"}, "version: got gemv, expected gemm"),
        ({"zero_point": False}, "zero_point: got False"),
    ],
)
def test_an_awq_setting_that_is_not_read_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    quantized, _ = save(tmp_path, AWQ | changes, awq)
    with pytest.raises(UserError, match=told):
        load(quantized, "awq-w4")


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (torch.arange(64) // 16, "got 0 to 3, expected groups 0 to 1"),
        (torch.zeros(64), "groups of 0 to 64 columns"),
    ],
)
def test_an_order_of_columns_that_no_groups_have_is_refused(tmp_path: Path, index: Tensor, told: str) -> None:
    quantized, _ = save(tmp_path, GPTQ, gptq())
    file = quantized / "model.safetensors"
    held = load_file(file)
    held["model.layers.0.self_attn.q_proj.g_idx"] = index.int()
    save_file(held, file, {"format": "pt"})
    with pytest.raises(UserError, match=told):
        load(quantized, "gptq-w4")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("scales", torch.full((2, 64), float("nan")).half(), r"q_proj: 4-bit scales: got NaN or infinity"),
        (
            "scales",
            None,
            r"tensor model.layers.0.self_attn.q_proj.scales: got none, expected shape \(2, 64\)",
        ),
        ("qweight", torch.zeros(8, 64), r"q_proj.qweight: got torch.float32, expected torch.int32"),
        ("qzeros", torch.zeros(2, 7, dtype=torch.int32), r"q_proj.qzeros: got shape \(2, 7\)"),
    ],
)
def test_a_tensor_that_is_not_as_declared_is_named(
    tmp_path: Path, key: str, value: Tensor | None, told: str
) -> None:
    quantized, _ = save(tmp_path, GPTQ, gptq())
    file = quantized / "model.safetensors"
    held = load_file(file)
    held.pop(name := f"model.layers.0.self_attn.q_proj.{key}")
    save_file(held | ({} if value is None else {name: value}), file, {"format": "pt"})
    with pytest.raises(UserError, match=told):
        load(quantized, "gptq-w4")


def test_parts_whose_columns_are_ordered_differently_are_multiplied_apart(tmp_path: Path) -> None:
    quantized, floats = save(tmp_path, GPTQ, gptq(act_order=True))  # an order of its own for each module
    layer = load(quantized, "gptq-w4", w4="reference", dense="torch").layers[0]
    plain = load(floats, "fp32").layers[0]
    x = torch.randn(3, 64, generator=torch.Generator().manual_seed(2))
    wanted = plain.qkv(x)
    assert (layer.qkv(x.bfloat16()).float() - wanted).abs().max() < 0.02 * wanted.abs().max()


@pytest.mark.parametrize(
    ("precision", "quantization", "told"),
    [
        (
            "bf16",
            GPTQ,
            "got weights quantized with 'gptq', expected floating-point weights. --precision gptq-w4",
        ),
        ("gptq-w4", None, "got floating-point weights, expected weights quantized with 'gptq'. `lab models"),
        ("awq-w4", GPTQ, "got weights quantized with 'gptq', expected weights quantized with 'awq'"),
        ("bf16", {"quant_method": "exl3"}, "got weights quantized with 'exl3'.*Give the unquantized model"),
    ],
)
def test_a_precision_that_does_not_load_the_checkpoint_is_refused(
    tmp_path: Path, precision: str, quantization: dict[str, Any] | None, told: str
) -> None:
    quantized, _ = save(tmp_path, GPTQ, gptq())
    edit_config(quantized, quantization_config=quantization)
    with pytest.raises(UserError, match=told):
        load(quantized, precision)


def test_nf4_rounds_to_the_nearest_of_its_sixteen_values() -> None:
    weight = torch.randn(8, 128, generator=torch.Generator().manual_seed(3))
    made = quantize(weight)
    values, largest = codebook(), weight.view(8, 2, 64).abs().amax(-1)
    assert torch.equal(made.scales, largest)
    nearest = (weight.view(8, 2, 64, 1) / largest[..., None, None] - values).abs().argmin(-1)
    assert torch.equal(made.codes.long(), nearest.view(8, 128))


def test_nf4_codes_are_those_of_bitsandbytes() -> None:
    bnb = pytest.importorskip("bitsandbytes.functional")
    weight = torch.randn(48, 256, generator=torch.Generator().manual_seed(4))
    packed, state = bnb.quantize_4bit(weight, blocksize=64, quant_type="nf4")
    codes = torch.stack((packed >> 4, packed & 15), dim=-1).view(48, 256)
    made = quantize(weight)
    assert torch.equal(made.codes, codes)
    assert torch.equal(made.scales.flatten(), state.absmax)


def test_nf4_by_bitsandbytes_own_kernel_gives_the_lab_s_logits(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    quantized, floats = save(tmp_path, BNB, nf4(nested=True))
    theirs = load(quantized, "nf4", w4="bitsandbytes")
    assert {layer.down.matmul.kernel for layer in theirs.layers} == {"bitsandbytes"}
    assert_as_near(logits(theirs), logits(load(quantized, "nf4", w4="reference", stack="torch")), floats)


def test_nf4_s_values_are_the_published_ones() -> None:
    published = [-1.0, -0.69619280, -0.52507305, -0.39491749, -0.28444138, -0.18477343, -0.09105004, 0.0]
    published += [0.07958030, 0.16093020, 0.24611230, 0.33791524, 0.44070983, 0.56261700, 0.72295684, 1.0]
    assert torch.allclose(codebook(), torch.tensor(published), rtol=0, atol=3e-7)
