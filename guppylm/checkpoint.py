"""All that training needs to go on as if it had never stopped: weights, optimizer, step. Never a pickle.

One safetensors file, replaced in one step; random numbers need no keeping, since each step seeds its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from guppylm import files
from guppylm.errors import RunError


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    best_loss: float = float("inf")
    best_step: int = 0
    seconds: float = 0.0


def write(file: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer], progress: Progress) -> None:
    tensors: dict[str, Tensor] = {f"model/{name}": value for name, value in model.state_dict().items()}
    for number, optimizer in enumerate(optimizers):
        for index, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{number}/{index}/{key}": torch.as_tensor(value) for key, value in slots.items()}
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    files.write_bytes(file, save(plain, metadata={"progress": json.dumps(asdict(progress))}))


def read(file: Path, model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> Progress:
    """Put a checkpoint back. Raises RunError when the file is broken or of another run."""
    try:
        with safe_open(file, framework="pt") as opened:
            progress = Progress(**json.loads(opened.metadata()["progress"]))
        tensors = load_file(file)
        model.load_state_dict({n.removeprefix("model/"): t for n, t in tensors.items() if n.startswith("model/")})
        for number, optimizer in enumerate(optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, tensor in tensors.items():
                if name.startswith(f"optimizer/{number}/"):
                    _, _, index, key = name.split("/")
                    state.setdefault(int(index), {})[key] = tensor
            optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{file}: no usable checkpoint ({reason}); delete it to train from the start") from None
    return progress
