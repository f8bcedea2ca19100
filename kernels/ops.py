"""Every op and its implementations, the preferred first. Free of torch, so that a matrix is checked fast."""

KERNELS: dict[str, tuple[str, ...]] = {
    "dense": ("cpu", "onednn", "upcast", "torch"),
    "w4": ("cpu", "triton", "torch", "bitsandbytes", "reference"),
    "w4a8": ("cpu", "triton", "reference"),
    "w8": ("cpu", "torch", "reference"),
    "w8a8": ("cpu", "reference"),
    "tree_attention": ("cpu", "triton", "torch", "reference"),
    "stack": ("cpu", "torch"),
}
