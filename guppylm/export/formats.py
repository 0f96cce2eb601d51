"""What a run can be exported to. A folder is put in its place once its engine has been seen to agree with PyTorch."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from guppylm.errors import GuppyError, RunError
from guppylm.export import parity, to_hf, to_onnx
from guppylm.export.parity import Engine, Parity, Source
from guppylm.run import Run


class Format(NamedTuple):
    write: Callable[[Source, Path], None]
    start: Callable[[Source, Path], Engine]
    same: float  # share of greedy replies that must be identical to PyTorch's; rounding changes one now and then
    within: float  # so far a logit may be off


FORMATS = {
    "hf": Format(lambda source, folder: to_hf.write(source, folder, torch.float32), to_hf.start, 1.0, 1e-3),
    "safetensors": Format(lambda source, folder: to_hf.write(source, folder, torch.float16), to_hf.start, 0.95, 0.1),
    "onnx": Format(lambda source, folder: to_onnx.write(source, folder, 32), to_onnx.start, 1.0, 1e-3),
    "onnx-8bit": Format(lambda source, folder: to_onnx.write(source, folder, 8), to_onnx.start, 0.85, 1.0),
}


def export(place: Run, folder: Path, name: str) -> Parity:
    """Write, start, compare; only then move. Raises GuppyError, and leaves nothing behind, if they disagree."""
    if name not in FORMATS:
        raise GuppyError(f"no format '{name}'; there are {', '.join(FORMATS)}")
    form, source = FORMATS[name], Source.read(place)
    folder = folder.resolve()  # "." has no name
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)  # of an export that was killed
    try:
        form.write(source, unfinished)
        size = sum(file.stat().st_size for file in unfinished.iterdir()) / 1e6
        found = parity.measure(source, form.start(source, unfinished), size)
        found.require(form.same, form.within)
        _move(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return found


def _move(finished: Path, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in finished.iterdir():
            file.replace(folder / file.name)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from None
