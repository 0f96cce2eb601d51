"""What a figure was measured on, and what that machine can do at best."""

from __future__ import annotations

import platform
import time
from pathlib import Path

import torch


def name(device: torch.device) -> str:
    """The processor, in words: a figure without it says nothing."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model n")
        ]
        cpu = next(iter(models), cpu)
    return f"{cpu}, {torch.get_num_threads()} threads"


def product_speed(device: torch.device, number_format: torch.dtype, rows: int, width: int, columns: int) -> float:
    """Floating-point operations a second of a bare product (rows, width) @ (width, columns): the best of several."""
    left = torch.randn(rows, width, device=device).to(number_format)
    right = torch.randn(width, columns, device=device).to(number_format)
    best = float("inf")
    for _ in range(20):
        wait(device)
        began = time.perf_counter()
        left @ right
        wait(device)
        best = min(best, time.perf_counter() - began)
    return 2 * rows * width * columns / best


def wait(device: torch.device) -> None:
    """A GPU computes on while Python goes ahead; a clock must wait for it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
