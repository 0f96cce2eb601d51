"""The models in the page's folder: the trained one, and what it was at some moments of its training. All in 8 bits."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from guppylm import files, runtime, weights
from guppylm.export import formats, onnx_graph, to_onnx
from guppylm.export.parity import Source
from guppylm.model import ModelConfig
from guppylm.run import Run

FORMAT = "onnx-8bit"


def write_model(source: Source, folder: Path, check: bool) -> None:
    """model.onnx and tokenizer.json: those that were exported before, unless the weights are newer, or new ones."""
    place = source.place
    exported = place.folder / FORMAT
    if _is_fresh(exported, place, source.model.config):
        for name in (runtime.MODEL, "tokenizer.json"):
            files.write_bytes(folder / name, (exported / name).read_bytes())
    else:
        formats.export(place, folder, FORMAT, check=check and place.eval_data.exists())


def _is_fresh(exported: Path, place: Run, config: ModelConfig) -> bool:
    """Was it exported after the training, by a guppylm that gives the insides as this one does?"""
    model, tokenizer = exported / runtime.MODEL, exported / "tokenizer.json"
    if not model.exists() or not tokenizer.exists():
        return False
    if model.stat().st_mtime <= place.weights.stat().st_mtime or tokenizer.read_bytes() != place.tokenizer.read_bytes():
        return False
    names = onnx_graph.input_names(config.layers)
    nothing = np.zeros((1, config.heads, 0, config.width // config.heads), np.float32)
    feed = {"input_ids": np.array([[0, 1]]), **dict.fromkeys(names[1:-1], nothing), "look": np.array(True)}
    try:
        session = onnxruntime.InferenceSession(model.read_bytes(), providers=["CPUExecutionProvider"])
        (lens,) = session.run(["lens"], feed)
    except Exception:  # broken, or of another shape; the library has an error class for every cause
        return False
    return bool(lens.shape == (2 * config.layers + 1, 2, config.vocabulary))


def write_grown(source: Source, folder: Path, say: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """growing/step-N.onnx for each moment whose weights were kept; gives step, file and bytes of each."""
    place = source.place
    kept = {
        int(found[1]): file
        for file in place.grown(0).parent.glob("step-*.safetensors")
        if (found := re.fullmatch(r"step-(\d+)\.safetensors", file.name))
    }
    for step, file in sorted(kept.items()):
        say(f"the model after {step:,} updates")
        grown = Source(place, weights.read_weights(file, source.model.config), source.tokenizer)
        into = folder / "growing" / f"step-{step}.onnx"
        with tempfile.TemporaryDirectory() as temporary:
            to_onnx.write(grown, Path(temporary), 8)
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(temporary) / runtime.MODEL, into)
        yield {"step": step, "file": f"character/growing/{into.name}", "bytes": into.stat().st_size}
