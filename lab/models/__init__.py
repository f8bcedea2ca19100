"""Decoder layers, KV cache and checkpoint loading: the ground floor of the native engine."""
