"""The mean of a trained adapter and the one that it began from, as in model soups (arXiv 2203.05482)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from lab.errors import UserError
from lab.train.adapter import Trainer

# Of the trained adapter in the mean.
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True)
class Mean:
    """One mean that was tried.

    Attributes:
        share: of the trained adapter, 0 to 1.
        validation_loss: mean over the validation sessions' learnt tokens (nats), weighted as in the training.
    """

    share: float
    validation_loss: float


def average(
    trainer: Trainer, trained: dict[str, Tensor], tell: Callable[[Mean], None] = lambda _: None
) -> tuple[Mean, list[Mean]]:
    """Give the trainer the mean with the lowest validation loss; that mean, and all that were tried.

    The factors are averaged, not their products, so the mean has the rank of both. That needs factors with a
    common past: of two adapters that were trained apart it is meaningless.

    Args:
        trainer: as the training began, with validation sequences.
        trained: the adapter that it ended with, by the names of `Trainer.adapter`.

    Raises:
        UserError: `trained` is no adapter of the trainer's form.
    """
    began = trainer.adapter()
    form = {name: tensor.shape for name, tensor in began.items()}
    if form != {name: tensor.shape for name, tensor in trained.items()}:
        raise UserError(
            "the trained adapter",
            got=f"{len(trained)} matrices",
            expected=f"the {len(form)} matrices of the adapter that it began from, in their shapes",
        )

    def mean(share: float) -> dict[str, Tensor]:
        return {name: tensor.lerp(trained[name].to(tensor), share) for name, tensor in began.items()}

    found = []
    for share in SHARES:
        trainer.set_adapter(mean(share))
        loss = trainer.validation_loss()
        assert loss is not None, "there are validation sequences"
        found.append(Mean(share, loss))
        tell(found[-1])
    best = min(found, key=lambda mean: mean.validation_loss)
    trainer.set_adapter(mean(best.share))
    return best, found
