"""All that training needs to go on as if it had never stopped: weights, optimizer, step. Never a pickle.

Safetensors files: a fresh one is written whole before it takes the last one's place, and the last one that of the one
before, which is kept in case that the disk spoils the last. A checksum inside tells. Random numbers need no keeping,
since each step seeds its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from guppylm import files, tensors
from guppylm.errors import RunError


@dataclass
class Progress:
    """Where a run stands."""

    step: int = 0
    best_loss: float = float("inf")
    best_step: int = 0
    seconds: float = 0.0


def write(
    file: Path, model: nn.Module, optimizers: list[Optimizer], scaler: torch.amp.GradScaler, progress: Progress
) -> None:
    """Raises RunError if there is no room; the checkpoints that were there are then still there."""
    state: dict[str, Tensor] = {f"model/{name}": value for name, value in model.state_dict().items()}
    for number, optimizer in enumerate(optimizers):
        for index, slots in optimizer.state_dict()["state"].items():
            state |= {f"optimizer/{number}/{index}/{key}": torch.as_tensor(value) for key, value in slots.items()}
    metadata = {"progress": json.dumps(asdict(progress)), "scaler": json.dumps(scaler.state_dict())}
    tensors.write(fresh(file), state, metadata)
    if file.exists():
        files.rename(file, before(file))
    files.rename(fresh(file), file)


def fresh(file: Path) -> Path:
    """A whole checkpoint, newer than the last one, if the process ended before it took its place."""
    return file.with_name("fresh.safetensors")


def before(file: Path) -> Path:
    """The checkpoint before the last one."""
    return file.with_name("before.safetensors")


def restore(
    file: Path,
    model: nn.Module,
    optimizers: list[Optimizer],
    scaler: torch.amp.GradScaler,
    say: Callable[[str], None],
    mend: bool = True,
) -> Progress:
    """Put the newest sound checkpoint back; spoiled ones are deleted (`mend`), so that they push out no sound one.

    Raises RunError if all are spoiled, and leaves them as they are.
    """
    there = [one for one in (fresh(file), file, before(file)) if one.exists()]
    spoiled: list[Path] = []
    for one in there:
        try:
            progress = read(one, model, optimizers, scaler)
        except RunError:
            if one == there[-1]:
                raise
            say(f"{one} is spoiled; trying the one before it")
            spoiled.append(one)
        else:
            for broken in spoiled if mend else ():
                broken.unlink()
            return progress
    return Progress()


def read(file: Path, model: nn.Module, optimizers: list[Optimizer], scaler: torch.amp.GradScaler) -> Progress:
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
        if scaler.is_enabled():
            scaler.load_state_dict(json.loads(metadata["scaler"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{file}: no checkpoint of this run ({reason}); {remedy}") from None
    return progress
