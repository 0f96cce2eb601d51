"""What a run can be exported to. A folder is put in its place once its engine has been seen to agree with PyTorch."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch

from guppylm.errors import GuppyError, RunError
from guppylm.export import onnx_graph, parity, to_ctranslate2, to_gguf, to_hf, to_mlx, to_onnx
from guppylm.export.parity import Engine, Parity, Source
from guppylm.run import Run


class Format(NamedTuple):
    engine: str
    write: Callable[[Source, Path], None]
    start: Callable[[Source, Path], Engine]
    same: float  # share of greedy replies that must be identical to PyTorch's; rounding changes one now and then
    within: float  # so far a logit may be off


def _hf(dtype: torch.dtype, same: float, within: float) -> Format:
    return Format("transformers", lambda source, to: to_hf.write(source, to, dtype), to_hf.start, same, within)


def _onnx(bits: onnx_graph.Bits, same: float, within: float) -> Format:
    return Format("ONNX Runtime", lambda source, to: to_onnx.write(source, to, bits), to_onnx.start, same, within)


def _gguf(kind: to_gguf.Kind, same: float, within: float) -> Format:
    return Format("llama.cpp", lambda source, to: to_gguf.write(source, to, kind), to_gguf.start, same, within)


def _ctranslate2(kind: to_ctranslate2.Kind, same: float, within: float) -> Format:
    return Format(
        "CTranslate2", lambda source, to: to_ctranslate2.write(source, to, kind), to_ctranslate2.start, same, within
    )


FORMATS = {
    "hf": _hf(torch.float32, 1.0, 1e-3),
    "safetensors": _hf(torch.float16, 0.95, 0.1),
    "onnx": _onnx(32, 1.0, 1e-3),
    "onnx-8bit": _onnx(8, 0.9, 0.5),
    "gguf": _gguf(to_gguf.Kind.F32, 1.0, 1e-3),
    "gguf-f16": _gguf(to_gguf.Kind.F16, 1.0, 0.05),
    "gguf-8bit": _gguf(to_gguf.Kind.Q8_0, 0.85, 1.0),
    "ctranslate2": _ctranslate2(None, 1.0, 1e-3),
    "ctranslate2-8bit": _ctranslate2("int8", 0.85, 1.0),
    "mlx": Format("mlx-lm", to_mlx.write, to_mlx.start, 1.0, 1e-3),
}


def export(place: Run, folder: Path, name: str, *, check: bool = True) -> Parity | None:
    """Write, start, compare; only then move. Raises GuppyError, and leaves nothing behind, if they disagree."""
    if name not in FORMATS:
        raise GuppyError(f"no format '{name}'; there are {', '.join(FORMATS)}")
    form, source = FORMATS[name], Source.read(place)
    folder = folder.resolve()  # "." has no name
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)  # of an export that was killed
    try:
        form.write(source, unfinished)
        _refuse(place, folder, {file.name for file in unfinished.iterdir()})
        found = None
        if check:
            found = parity.measure(source, form.start(source, unfinished), megabytes(unfinished))
            found.require(form.same, form.within)
        _move(unfinished, folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return found


def megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


def _refuse(place: Run, folder: Path, written: set[str]) -> None:
    """The run itself stays as it is, and so does the README of a project that is no model."""
    others = "README.md" in written and (folder / "README.md").exists() and not (folder / "config.json").exists()
    if folder == place.folder.resolve() or others:
        raise RunError(f"{folder} holds other files; choose another folder with -o")


def _move(finished: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in finished.iterdir():
        file.replace(folder / file.name)
