"""How the target's weights are stored and multiplied.

`PRECISIONS` is a literal table, name -> where the precision's class is; `STORED` names the precision that
loads a checkpoint of a `quant_method`.
"""

PRECISIONS: dict[str, str] = {
    "fp32": "lab.precision.dense:Fp32",
    "bf16": "lab.precision.dense:Bf16",
    "rtn-w4": "lab.precision.rtn:RtnW4",
    "gptq-w4": "lab.precision.gptq:GptqW4",
    "awq-w4": "lab.precision.awq:AwqW4",
    "nf4": "lab.precision.nf4:NF4",
    "int8": "lab.precision.int8:Int8",
    "w8a8": "lab.precision.int8:W8A8",
    "w4a8": "lab.precision.rtn:W4A8",
}

STORED: dict[str, str] = {"gptq": "gptq-w4", "awq": "awq-w4", "bitsandbytes": "nf4"}
