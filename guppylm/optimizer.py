"""The rules by which weights follow their gradients: Muon for the matrices inside, AdamW for the rest.

AdamW (https://arxiv.org/abs/1711.05101) scales every weight's step on its own. Muon
(https://kellerjordan.github.io/posts/muon/) looks at a matrix as a whole: it keeps the directions of the
gradient and makes them all equally strong, so that rare directions are learned as fast as common ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from guppylm.config import TrainConfig
from guppylm.model import Transformer

# Three polynomials a x + b x^3 + c x^5, one after the other. Each is the best odd one of its degree (least
# largest distance from 1) on the interval that the one before leaves; the first starts from [0.001, 1]. What comes
# out lies in [0.14, 1.86]. A fourth would bring it to [0.45, 1.55] and cost a third more. The idea: Polar Express,
# https://arxiv.org/abs/2505.16932
POLYNOMIALS = ((8.4703, -25.1081, 18.6293), (4.1828, -3.1087, 0.5806), (3.9619, -2.9541, 0.5630))


@torch.no_grad()
def orthogonalise(gradient: Tensor) -> Tensor:
    """Roughly the nearest matrix to (..., rows, columns) whose singular values are all 1.

    An odd polynomial of a matrix is that polynomial of each singular value. The weak directions of a gradient, a
    thousandth of its norm, come out nearly as strong as the others: that matters more than evenness at the top.
    Only matrix products, so it is quick on every machine.
    """
    tall = gradient.shape[-2] > gradient.shape[-1]
    x = gradient.mT if tall else gradient  # (..., r, c) with r <= c
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)  # no singular value is above 1 now
    for a, b, c in POLYNOMIALS:
        square = x @ x.mT  # (..., r, r)
        x = a * x + (b * square + c * square @ square) @ x  # (..., r, c)
    result: Tensor = x.mT if tall else x
    return result


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised. Matrices of one shape are stacked and worked on together."""

    def __init__(
        self, matrices: Sequence[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for weight in group["params"]:
                by_shape.setdefault(weight.shape, []).append(weight)
            for shape, matrices in by_shape.items():
                updates = torch.stack([self._update(weight, group["momentum"]) for weight in matrices])
                # 0.2 * sqrt(longer side): steps as large as AdamW's (https://arxiv.org/abs/2502.16982)
                rate = group["lr"] * 0.2 * math.sqrt(max(shape))
                for weight, update in zip(matrices, orthogonalise(updates), strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(update, alpha=-rate)

    def _update(self, weight: Tensor, momentum: float) -> Tensor:
        """Nesterov momentum: the gradient as it will be a step further."""
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(state["momentum"], momentum)


def optimizers_for(model: Transformer, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices; AdamW for embeddings, norms and biases. Only matrices decay."""
    matrices = [weight for name, weight in model.named_parameters() if weight.dim() == 2 and "blocks." in name]
    embeddings = [weight for name, weight in model.named_parameters() if weight.dim() == 2 and "blocks." not in name]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    adamw = torch.optim.AdamW(
        [{"params": embeddings, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.learning_rate, betas=(0.9, 0.95), fused=True,
    )  # fmt: skip
    return [Muon(matrices, config.learning_rate, weight_decay=config.weight_decay), adamw]
