"""model.onnx and tokenizer.json, which `guppylm chat --model` and guppylm.runtime read."""

from __future__ import annotations

from pathlib import Path

from guppylm import files, runtime
from guppylm.export import onnx_graph
from guppylm.export.onnx_graph import Bits
from guppylm.export.parity import Engine, Source
from guppylm.persona import schema
from guppylm.sample import Sampling

GREEDY = Sampling(temperature=0)


def write(source: Source, folder: Path, bits: Bits) -> None:
    introduced, config = schema.head(source.place.persona), source.model.config
    shape = {
        "vocabulary": config.vocabulary, "context": config.context, "layers": config.layers, "width": config.width,
        "heads": config.heads, "feedForward": config.feed_forward, "epsilon": config.norm_epsilon,
    }  # fmt: skip
    about = {"name": introduced.name, "prompts": introduced.prompts, "context": config.context, "shape": shape}
    graph = onnx_graph.build(source.state(), config, bits, about)
    files.write_bytes(folder / runtime.MODEL, graph.SerializeToString())
    files.write_bytes(folder / "tokenizer.json", source.place.tokenizer.read_bytes())


def start(source: Source, folder: Path) -> Engine:
    character = runtime.load(folder)
    return Engine(lambda ids: character.logits(ids)[0], lambda ids: list(character.generate(ids, GREEDY)))
