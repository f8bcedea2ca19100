"""The Speculation-Quantization Lab: plain, speculative, 4-bit, or both, on recorded agent sessions."""

__version__ = "0.1.0"
