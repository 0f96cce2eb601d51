"""The rules by which weights follow their gradients: Muon for the matrices inside, AdamW for the rest.

AdamW (https://arxiv.org/abs/1711.05101) scales every weight's step on its own. Muon
(https://kellerjordan.github.io/posts/muon/) looks at a matrix as a whole: it keeps the directions of the
gradient and makes them all equally strong, so that rare directions are learned as fast as common ones.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from guppylm.config import TrainConfig
from guppylm.model import Block, Transformer

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
    shape, x = x.shape, x.reshape(-1, *x.shape[-2:])  # (n, r, c)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)  # no singular value is above 1 now
    for a, b, c in POLYNOMIALS:
        square = x @ x.mT  # (n, r, r)
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)  # (n, r, c)
    result: Tensor = x.view(shape).mT if tall else x.view(shape)
    return result


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised. The matrices of a group have one shape and are worked on together.

    A group's `parts` says how many matrices stand on top of each other in each of its own, as query, key and value
    do. Orthogonalised as one, the large gradients of the values drown those of the queries and keys, and the heads
    are slow to learn where to look.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float = 0.9, weight_decay: float = 0.0):
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "parts": 1})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]  # layers that learn already
            if not weights:
                continue
            gradients = [
                self._update(weight, group["momentum"]).view(group["parts"], -1, weight.shape[1]) for weight in weights
            ]
            updates = orthogonalise(torch.stack(gradients))  # (layers, parts, r, c)
            # 0.2 * sqrt(longer side): steps as large as AdamW's (https://arxiv.org/abs/2502.16982)
            rate = group["lr"] * 0.2 * math.sqrt(max(updates.shape[-2:]))
            for weight, update in zip(weights, updates, strict=True):
                weight.mul_(1 - group["lr"] * group["weight_decay"]).add_(update.flatten(0, 1), alpha=-rate)

    def _update(self, weight: Tensor, momentum: float) -> Tensor:
        """Nesterov momentum: the gradient as it will be a step further."""
        assert weight.grad is not None
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].lerp_(weight.grad, 1 - momentum)
        return weight.grad.lerp(state["momentum"], momentum)


def optimizers_for(model: Transformer, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for embeddings, norms and biases; or AdamW for all.

    The rates are the highest ones, kept as each group's `initial_lr`; the loop multiplies them by its schedule.
    """
    optimizers = [_adamw_alone(model, config)] if config.optimizer == "adamw" else _muon_and_adamw(model, config)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def _adamw_alone(model: Transformer, config: TrainConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=config.weight_decay, fused=True
    )


def _muon_and_adamw(model: Transformer, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Only matrices decay."""
    layers = [layer for layer in model.blocks if isinstance(layer, Block)]
    muon = Muon(
        [
            {"params": [layer.attn.qkv.weight for layer in layers], "parts": 3},
            {"params": [layer.attn.out.weight for layer in layers]},
            {"params": [layer.ffn.up.weight for layer in layers]},
            {"params": [layer.ffn.down.weight for layer in layers]},
        ],
        lr=config.learning_rate, weight_decay=config.weight_decay,
    )  # fmt: skip
    embeddings = [model.tok_emb.weight, model.pos_emb.weight]
    vectors = [weight for weight in model.parameters() if weight.dim() == 1]
    adamw = torch.optim.AdamW(
        [{"params": embeddings, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=config.embedding_learning_rate, betas=(0.9, 0.95), fused=True,
    )  # fmt: skip
    return [muon, adamw]
