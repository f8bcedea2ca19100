"""How the target's weights are stored and multiplied.

`PRECISIONS` is a literal table, name -> where the precision's class is.
"""

PRECISIONS: dict[str, str] = {
    "fp32": "lab.precision.dense:Fp32",
    "bf16": "lab.precision.dense:Bf16",
    "rtn-w4": "lab.precision.rtn:RtnW4",
    "w4a8": "lab.precision.rtn:W4A8",
}
