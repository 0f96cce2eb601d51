"""Where the numbers live and how many bits they have; and why."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from guppylm.errors import TrainError


@dataclass(frozen=True)
class Precision:
    """The number format of matrix products. `scaled` losses keep small fp16 gradients from vanishing."""

    device: torch.device
    format: torch.dtype
    scaled: bool
    why: str

    def context(self) -> AbstractContextManager[object]:
        if self.format == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.format)


def choose_device(wanted: str | None) -> torch.device:
    available = {"cuda": torch.cuda.is_available(), "mps": torch.mps.is_available(), "cpu": True}
    if wanted is not None and not available.get(wanted):
        raise TrainError(f"device {wanted} is not available here; leave it out to use what there is")
    return torch.device(wanted or next(name for name, there in available.items() if there))


FORMATS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def choose(device: torch.device, wanted: str | None = None) -> Precision:
    """bf16 where the hardware multiplies it, fp16 with a scaler on older GPUs, fp32 otherwise."""
    if wanted is not None:
        return Precision(device, FORMATS[wanted], wanted == "fp16", "as the settings say")
    if device.type == "cuda":
        if torch.cuda.get_device_capability(device)[0] >= 8:
            return Precision(device, torch.bfloat16, False, "this GPU multiplies bf16 in hardware")
        return Precision(device, torch.float16, True, "this GPU has fp16 units but none for bf16")
    if device.type == "cpu" and torch.cpu._is_amx_tile_supported():
        return Precision(device, torch.bfloat16, False, "this CPU has bf16 matrix units (AMX)")
    why = "this CPU has no bf16 matrix units" if device.type == "cpu" else "mps is surest in fp32"
    return Precision(device, torch.float32, False, why)
