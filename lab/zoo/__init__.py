"""The model catalogue and the assets of the embedded default."""
