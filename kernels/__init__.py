"""Ops with one eager reference and one or more implementations each; imported as `lab.kernels`."""
