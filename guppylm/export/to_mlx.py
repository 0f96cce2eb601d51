"""A folder for mlx-lm, which runs on Apple's chips (and, slowly, elsewhere).

mlx-lm's GPT-2 has no place for a feed-forward part of another width; its GPT-BigCode is the same transformer and has
one. Its matrices are (out, in), as ours are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from guppylm import files, tensors, weights
from guppylm.errors import MissingExtra
from guppylm.export import as_gelu
from guppylm.export.parity import Engine, Source
from guppylm.sample import Array


def write(source: Source, folder: Path) -> None:
    place, config = source.place, source.model.config
    theirs = files.read_json(place.config) | {
        "architectures": ["GPTBigCodeForCausalLM"], "model_type": "gpt_bigcode", "multi_query": False,
        "activation_function": "gelu", "layer_norm_epsilon": as_gelu.norm_epsilon(config.norm_epsilon),
    }  # fmt: skip
    files.write_json(folder / "config.json", theirs)
    files.write_bytes(folder / "tokenizer.json", place.tokenizer.read_bytes())
    for name in ("tokenizer_config.json", "generation_config.json"):
        files.write_bytes(folder / name, (place.folder / name).read_bytes())
    state = as_gelu.weights(source.state())
    named = {f"transformer.{weights.gpt2_name(name)[0]}": torch.from_numpy(values) for name, values in state.items()}
    tensors.write(folder / "model.safetensors", named, {"format": "mlx"})


def start(source: Source, folder: Path) -> Engine:
    """mlx-lm on its CPU backend."""
    try:
        import mlx.core as mx
        from mlx_lm.models.cache import make_prompt_cache
        from mlx_lm.utils import load_model
    except ImportError:
        raise MissingExtra("mlx-lm", "mlx") from None
    mx.set_default_device(mx.cpu)
    model: Any = load_model(folder)[0]

    def logits(ids: list[int], cache: Any = None) -> Array:
        return np.array(model(mx.array([ids]), cache=cache)[0, -1])

    def greedy(ids: list[int]) -> list[int]:
        cache = make_prompt_cache(model)
        return source.likeliest(ids, lambda new: logits(new, cache))

    return Engine(logits, greedy)
