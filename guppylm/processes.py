"""Several processes that train one model together, as `torchrun` starts them. One process is the usual case."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from guppylm.errors import TrainError


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

    def any(self, here: bool, device: torch.device) -> bool:
        """Is it so in one of the processes? All get the same answer."""
        return bool(self.add(torch.tensor(float(here), device=device)) > 0) if self.size > 1 else here

    def wait(self) -> None:
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join(device: torch.device) -> Iterator[Team]:
    """The team that torchrun's environment variables describe, or a team of one. Raises TrainError."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    if device.type == "mps":
        raise TrainError("several processes cannot share a Mac's GPU; add --set device=cpu, or start one")
    if device.type == "cuda":
        number = int(os.environ["LOCAL_RANK"])
        if number >= torch.cuda.device_count():
            raise TrainError(f"more processes than GPUs ({torch.cuda.device_count()}); start fewer")
        torch.cuda.set_device(number)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
