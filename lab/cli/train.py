"""`lab train`: fine-tuning on sessions."""

from __future__ import annotations

import click

from lab.cli.train_adapter import adapter
from lab.cli.train_average import average
from lab.cli.train_eagle3 import eagle3


@click.group()
def train() -> None:
    """Train on sessions: adapter, average, eagle3."""


train.add_command(adapter)
train.add_command(average)
train.add_command(eagle3)
