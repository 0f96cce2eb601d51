"""A model folder for Hugging Face's tools: what of the run they read, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from guppylm import files, tensors, weights
from guppylm.errors import MissingExtra
from guppylm.export.parity import Engine, Source
from guppylm.sample import Array

COPIED = ("tokenizer.json", "tokenizer_config.json", "generation_config.json", "README.md")


def write(source: Source, folder: Path, dtype: torch.dtype) -> None:
    place = source.place
    for name in COPIED:
        if (place.folder / name).exists():  # a run that was stopped has no card yet
            files.write_bytes(folder / name, (place.folder / name).read_bytes())
    config = files.read_json(place.config)
    files.write_json(folder / "config.json", config | {"dtype": str(dtype).removeprefix("torch.")})
    state = {name: weight.to(dtype) for name, weight in source.model.state_dict().items()}
    tensors.write(folder / "model.safetensors", weights.to_gpt2(state), {"format": "pt"})


def library() -> Any:
    """transformers, without its progress bars. Raises MissingExtra."""
    try:
        import transformers
        from transformers.utils import logging
    except ImportError:
        raise MissingExtra("transformers", "export") from None
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    return transformers


def start(source: Source, folder: Path) -> Engine:
    """transformers, with the folder as it stands; computing in fp32, since CPUs are slow in fp16."""
    model: Any = library().AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    model.eval()

    def logits(ids: list[int]) -> Array:
        with torch.inference_mode():
            found: Array = model(torch.tensor([ids])).logits[0, -1].numpy()
        return found

    def greedy(ids: list[int]) -> list[int]:
        asked = torch.tensor([ids])
        reply: list[int] = model.generate(asked, attention_mask=torch.ones_like(asked))[0, len(ids) :].tolist()
        return reply[:-1] if reply and reply[-1] == model.generation_config.eos_token_id else reply

    return Engine(logits, greedy)
