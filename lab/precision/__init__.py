"""How the target's weights are stored and multiplied.

`PRECISIONS` is a literal table, name -> where the precision's class is; `STORED` names the precision that
loads a checkpoint of a `quant_method`. `KV_PRECISIONS` are the values of the axis `kv`.
"""

PRECISIONS: dict[str, str] = {
    "fp32": "lab.precision.dense:Fp32",
    "bf16": "lab.precision.dense:Bf16",
    "rtn-w4": "lab.precision.rtn:RtnW4",
    "gptq-w4": "lab.precision.gptq:GptqW4",
    "gptq-w4a8": "lab.precision.gptq:GptqW4A8",
    "awq-w4": "lab.precision.awq:AwqW4",
    "nf4": "lab.precision.nf4:NF4",
    "int8": "lab.precision.int8:Int8",
    "w8a8": "lab.precision.int8:W8A8",
    "w4a8": "lab.precision.rtn:W4A8",
}

# How keys and values are kept; `bf16` stands for the dtype that the arm computes in, float32 under `fp32`.
KV_PRECISIONS: tuple[str, ...] = ("bf16", "int8")

STORED: dict[str, str] = {"gptq": "gptq-w4", "awq": "awq-w4", "bitsandbytes": "nf4"}
