"""Several processes that train one model together, as `torchrun` starts them. One process is the usual case."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Team:
    """This process among its like. Each computes its share of every batch; then gradients are added up."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """One of them measures, prints and writes."""
        return self.rank == 0

    def add_gradients(self, model: nn.Module) -> None:
        if self.size > 1:
            for weight in model.parameters():
                if weight.grad is not None:  # a layer that learns already
                    distributed.all_reduce(weight.grad)

    def add(self, value: torch.Tensor) -> torch.Tensor:
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def wait(self) -> None:
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join() -> Iterator[Team]:
    """The team that torchrun's environment variables describe, or a team of one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        yield Team(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
