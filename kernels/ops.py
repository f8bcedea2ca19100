"""Every op and its implementations, the preferred first. Free of torch, so that a matrix is checked fast."""

KERNELS: dict[str, tuple[str, ...]] = {
    "dense": ("upcast", "onednn", "torch"),
    "w4": ("torch", "reference"),
}
