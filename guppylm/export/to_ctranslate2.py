"""A folder for CTranslate2, a small quick engine for CPUs: its own converter reads the folder for transformers."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from guppylm.errors import MissingExtra
from guppylm.export import to_hf
from guppylm.export.parity import Engine, Source
from guppylm.sample import Array
from guppylm.tokenizer import fast

Kind = Literal["int8"] | None


def _library() -> Any:
    try:
        import ctranslate2.converters
    except ImportError:
        raise MissingExtra("ctranslate2", "export") from None
    return ctranslate2


def write(source: Source, folder: Path, quantization: Kind) -> None:
    converters = _library().converters
    to_hf.library()  # which the converter reads with
    with tempfile.TemporaryDirectory() as for_transformers:
        to_hf.write(source, Path(for_transformers), torch.float32)
        converter = converters.TransformersConverter(for_transformers, copy_files=["tokenizer.json"])
        converter.convert(str(folder), quantization=quantization)


def start(source: Source, folder: Path) -> Engine:
    generator = _library().Generator(str(folder), device="cpu", intra_threads=1)
    names = source.tokenizer.id_to_token
    context = source.model.config.context

    def logits(ids: list[int]) -> Array:
        found: Array = np.array(generator.forward_batch([ids]))[0, -1]
        return found

    def greedy(ids: list[int]) -> list[int]:
        found = generator.generate_batch(
            [[names(token) for token in ids]], sampling_topk=1, max_length=context - len(ids),
            include_prompt_in_result=False, end_token=fast.END,
        )  # fmt: skip
        return [int(token) for token in found[0].sequences_ids[0]]

    return Engine(logits, greedy)
