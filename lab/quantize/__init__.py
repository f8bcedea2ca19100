"""Making the 4-bit version of a model with calibration data (`lab models quantize`).

base        its settings, and who can make it
native      the lab itself: layers one after the other, what is finished is kept
calibrate   a decoder's layers on calibration sequences
gptq        the algorithm: a weight and the second moment of what it multiplies -> 4-bit codes
checkpoint  the result in the format that GPTQModel, transformers and vLLM load
gptqmodel   the same by that library
folder      the folder that it ends in: whole or not at all
"""
