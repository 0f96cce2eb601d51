"""Checkpoints of the original GuppyLM (https://github.com/arman-bd/guppylm), whose design ours follows.

A torch file with a bare state dict, or one under `model_state_dict`; its weights have our names. Beside it
a config.json with the original's keys or Hugging Face's. Only tensors are read: nothing is unpickled.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from guppylm import files
from guppylm.errors import RunError
from guppylm.model import ModelConfig, Transformer
from guppylm.weights import fill_weights

# our key -> what others call it
KEYS = {
    "vocabulary": ("vocab_size",),
    "context": ("max_seq_len", "max_position_embeddings", "n_positions"),
    "layers": ("n_layers", "num_hidden_layers", "n_layer"),
    "width": ("d_model", "hidden_size", "n_embd"),
    "heads": ("n_heads", "num_attention_heads", "n_head"),
    "feed_forward": ("ffn_hidden", "intermediate_size", "n_inner"),
}


def read_model(file: Path) -> Transformer:
    """Raises RunError when the file is no such checkpoint, or would need unpickling."""
    config = _read_config(file.parent / "config.json")
    try:
        _refuse_a_bomb(file)
        content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise RunError(f"{file}: not found; give the path of a model file") from None
    except RunError:
        raise
    except Exception as error:  # garbage leads torch's restricted reader into errors of every kind
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(f"{file}: not a file of plain tensors, so it is not opened ({reason})") from None
    state = content.get("model_state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(weight, Tensor) for weight in state.values()):
        raise RunError(f"{file}: no state dict in it; a GuppyLM checkpoint is expected")
    head = state.pop("lm_head.weight", None)
    if isinstance(head, Tensor) and not torch.equal(head, state.get("tok_emb.weight", head)):
        raise RunError(f"{file}: its output layer is not tied to its embedding, which our model cannot hold")
    with torch.device("meta"):
        model = Transformer(config)
    return fill_weights(model, state, file)


def _refuse_a_bomb(file: Path) -> None:
    """A torch file is a zip archive, and what is in it is never packed: one that would grow is not torch's."""
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > file.stat().st_size:
                raise RunError(f"{file}: not opened, it would unpack to more than it is; no torch file does")


def _read_config(file: Path) -> ModelConfig:
    content: dict[str, Any] = files.read_json(file)
    values = {}
    for ours, names in KEYS.items():
        found = [content[name] for name in names if name in content]
        if not found:
            raise RunError(f"{file}: no '{names[0]}' (or {' or '.join(names[1:]) or 'the like'}) in it")
        values[ours] = found[0]
    try:
        return ModelConfig(**values)
    except (TypeError, ValueError) as error:
        raise RunError(f"{file}: {error}") from None
