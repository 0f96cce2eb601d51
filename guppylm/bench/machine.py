"""What a figure was measured on, and what that machine can do at best."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    elif device.type == "mps":
        torch.mps.synchronize()


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch computes on one thread meanwhile."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def memory_speed(size: int) -> float:
    """Bytes a second that one thread reads from memory, of as many as a model's weights have: the best of several."""
    weights, vector = torch.randn(size // 4 // 1024, 1024), torch.randn(1024)
    best = float("inf")
    with one_thread():
        for _ in range(20):
            began = time.perf_counter()
            weights @ vector
            best = min(best, time.perf_counter() - began)
    return weights.numel() * 4 / best


def memory() -> int | None:
    """Bytes that this process holds in memory now; None where that is not told (elsewhere than on Linux)."""
    told = Path("/proc/self/statm")
    return int(told.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if told.exists() else None
