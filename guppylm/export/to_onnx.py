"""A run -> a folder with model.onnx and tokenizer.json, which `guppylm chat --model` and guppylm.runtime read."""

from __future__ import annotations

import shutil
from pathlib import Path

from guppylm import files, runtime, weights
from guppylm.errors import RunError
from guppylm.export import onnx_graph, parity
from guppylm.export.onnx_graph import Bits
from guppylm.export.parity import Parity
from guppylm.persona import generate, schema
from guppylm.run import Run
from guppylm.sample import Sampling

PROMPTS = 200  # held-out messages on which the file must agree with PyTorch
GREEDY = Sampling(temperature=0)
# share of identical greedy replies, and largest difference of a logit: rounding to 8 bits changes a reply now and then
LIMITS: dict[Bits, tuple[float, float]] = {32: (1.0, 1e-3), 8: (0.85, 1.0)}


def write(place: Run, folder: Path, bits: Bits) -> Parity:
    """Export, compare with PyTorch, and only then put the folder in its place."""
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    introduced = schema.head(place.persona)
    about = {"name": introduced.name, "prompts": introduced.prompts, "context": model.config.context}
    state = {name: weight.numpy() for name, weight in model.state_dict().items()}
    graph = onnx_graph.build(state, model.config, bits, about)
    unfinished = folder.with_name(folder.name + ".part")
    try:
        files.write_bytes(unfinished / runtime.MODEL, graph.SerializeToString())
        files.write_bytes(unfinished / "tokenizer.json", place.tokenizer.read_bytes())
        size = sum(file.stat().st_size for file in unfinished.iterdir()) / 1e6
        fish = runtime.load(unfinished)
        messages = [one.input for _, one in zip(range(PROMPTS), generate.read(place.eval_data), strict=False)]
        found = parity.measure(
            model,
            tokenizer,
            messages,
            lambda ids: fish.logits(ids)[0],
            lambda ids: list(fish.generate(ids, GREEDY)),
            size,
        )
        found.require(*LIMITS[bits])
        _replace(folder, unfinished)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return found


def _replace(folder: Path, finished: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in finished.iterdir():
            file.replace(folder / file.name)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from None
