"""What the rows of a forward see."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sight:
    """What n new rows see of the cache's slots, their own last: every slot before the last m, and of those m
    what `visible` says; under a window only as far back as it reaches.

    Attributes:
        start: slot of the first new row.
        rows: n.
        visible: bool [n, m], m >= n; a causal triangle over the new rows when None.
        depths: int64 [n], positions relative to `start`; 0, 1, .. n-1 when None.
        window: positions that a row sees, itself included; None for all.
        device: where masks are wanted.
    """

    start: int
    rows: int
    visible: Tensor | None
    depths: Tensor | None
    window: int | None
    device: torch.device

    @property
    def stop(self) -> int:
        """One more than the last slot."""
        return self.start + self.rows

    @property
    def recent(self) -> int:
        """m."""
        return self.rows if self.visible is None else self.visible.shape[1]

    @cached_property
    def depth(self) -> Tensor:
        """Positions relative to `start`, int64 [n]."""
        return torch.arange(self.rows, device=self.device) if self.depths is None else self.depths

    @property
    def everything(self) -> bool:
        """Whether every row sees every slot."""
        return self.rows == 1 and (self.window is None or self.start < self.window)

    @cached_property
    def first(self) -> Tensor:
        """The first slot that each row may see, int32 [n]."""
        if self.window is None:
            return torch.zeros(self.rows, dtype=torch.int32, device=self.device)
        return (self.depth + self.start - self.window + 1).clamp_min(0).int()

    @cached_property
    def allowed(self) -> Tensor:
        """bool [n, m], contiguous: which of the last m slots each row sees, the window applied."""
        visible = self.visible
        if visible is None:
            visible = torch.ones(self.rows, self.rows, dtype=torch.bool, device=self.device).tril()
        if self.window is None:
            return visible.contiguous()
        before = torch.arange(self.stop - self.recent, self.start, device=self.device)
        position = torch.cat((before, self.depth + self.start))
        return visible & (position[None, :] >= self.first[:, None])

    @cached_property
    def seen(self) -> Tensor:
        """bool [n, start + n]: which slots each row sees."""
        before = torch.arange(self.stop - self.recent, device=self.device)
        return torch.cat((before[None, :] >= self.first[:, None], self.allowed), dim=1)

    @cached_property
    def _masks(self) -> dict[tuple[int, torch.dtype], Tensor]:
        return {}

    def mask(self, group: int, dtype: torch.dtype) -> Tensor | None:
        """What is added to scores [group * n, start + n]: 0 or minus infinity; None if every row sees all."""
        if self.everything:
            return None
        if (group, dtype) not in self._masks:
            made = torch.zeros(self.seen.shape, dtype=dtype, device=self.device)
            self._masks[group, dtype] = made.masked_fill_(~self.seen, float("-inf")).repeat(group, 1)
        return self._masks[group, dtype]
