"""The Speculation-Quantization Lab: plain, speculative, 4-bit, or both, measured on recorded agent sessions."""

__version__ = "0.1.0"
