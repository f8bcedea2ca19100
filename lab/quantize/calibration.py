"""What a model is calibrated on when nobody says otherwise."""

from __future__ import annotations

from lab.models.examples import collect
from lab.models.tokenizer import ChatTokenizer
from lab.quantize.base import FAMILIES, LENGTH
from lab.scenarios.generate import generate
from lab.zoo.resolve import ModelFiles


def default_calibration(files: ModelFiles) -> list[list[int]]:
    """Token ids of generated sessions of the training split."""
    sessions = [
        session for name, n in FAMILIES.items() for session in generate(name, n=n, seed=0, split="train")
    ]
    found = collect(sessions, ChatTokenizer.load(files.path), length=LENGTH)
    return [example.ids.tolist() for example in found.sequences]
