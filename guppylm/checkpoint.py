"""All that training needs to go on as if it had never stopped: weights, optimizer, step. Never a pickle.

One safetensors file, replaced in one step, and the one before it, in case that the disk spoils the last. A checksum
inside tells. Random numbers need no keeping, since each step seeds its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from guppylm import tensors
from guppylm.errors import RunError


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    best_loss: float = float("inf")
    best_step: int = 0
    seconds: float = 0.0


def write(file: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], progress: Progress) -> None:
    state: dict[str, Tensor] = {f"model/{name}": value for name, value in model.state_dict().items()}
    for number, optimizer in enumerate(optimizers):
        for index, slots in optimizer.state_dict()["state"].items():
            state |= {f"optimizer/{number}/{index}/{key}": torch.as_tensor(value) for key, value in slots.items()}
    fresh = file.with_name("fresh.safetensors")
    tensors.write(fresh, state, {"progress": json.dumps(asdict(progress))})
    if file.exists():
        file.replace(before(file))
    fresh.replace(file)


def before(file: Path) -> Path:
    """The checkpoint before the last one."""
    return file.with_name("before.safetensors")


def restore(
    file: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], say: Callable[[str], None]
) -> Progress:
    """Put the last checkpoint back, or the one before if that is spoiled. Raises RunError if both are."""
    there = [one for one in (file, before(file)) if one.exists()]
    for number, one in enumerate(there):
        try:
            return read(one, model, optimizers)
        except RunError as error:
            if number == len(there) - 1:
                raise
            say(f"{error}; trying the one before it")
    return Progress()


def read(file: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> Progress:
    """Put a checkpoint back. Raises RunError when the file is broken or of another run."""
    remedy = "add --restart to train from the start"
    stored, metadata = tensors.read(file, remedy)
    try:
        if "sha256" not in metadata:
            raise ValueError("it has no checksum")
        progress = Progress(**json.loads(metadata["progress"]))
        model.load_state_dict({n.removeprefix("model/"): t for n, t in stored.items() if n.startswith("model/")})
        for number, optimizer in enumerate(optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, tensor in stored.items():
                if name.startswith(f"optimizer/{number}/"):
                    _, _, index, key = name.split("/")
                    state.setdefault(int(index), {})[key] = tensor
            optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{file}: no checkpoint of this run ({reason}); {remedy}") from None
    return progress
