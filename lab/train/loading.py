"""A model folder as a transformers model, bare or under an adapter."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from lab.errors import UserError
from lab.train import attention


def load_base(folder: Path, dtype: torch.dtype, *, compiled: bool = False) -> Any:
    """The causal language model of a folder; nothing is downloaded and no code of the folder is run.

    Its attention takes a `layout` (`lab.train.attention`).

    Args:
        compiled: the layers will be, around their attention.

    Raises:
        UserError: it cannot be read.
    """
    from transformers import AttentionInterface, AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    attend = torch.compiler.disable(attention.attend) if compiled else attention.attend
    AttentionInterface.register(attention.NAME, attend)
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, local_files_only=True, attn_implementation=attention.NAME
        )
    except (OSError, ValueError, KeyError) as error:
        got = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"model folder {folder}", got=got, expected="a causal language model") from None


@contextmanager
def attaching() -> Iterator[None]:
    """Where peft wraps a model: peft 0.21 asks transformers 5.23 for a name that is on its way out."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
        yield
