"""How quick conversations are made and encoded, on one core, and what making them takes in memory. No torch."""

from __future__ import annotations

import os
import time
import tracemalloc
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from guppylm import chat
from guppylm.persona import generate
from guppylm.persona.schema import Persona
from guppylm.persona.split import split
from guppylm.tokenizer import fast

MEMORY_SAMPLE = 20_000  # conversations whose memory is traced: tracing is slow


@dataclass
class Result:
    conversations: int
    make_seconds: float  # drawn and written
    encode_seconds: float  # read and turned into token ids
    memory_kilobytes: dict[int, float]  # the most held at once while so many were written

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(persona: Persona, count: int) -> Result:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # or the library takes every core
    parts = split(persona, seed=1)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "train.jsonl"
        began = time.perf_counter()
        generate.write(file, generate.conversations(parts, "train", count, seed=1))
        made = time.perf_counter() - began
        tokenizer = fast.train((text for one in _few(file) for text in (one.input, one.output)), fast.VOCABULARY)
        began = time.perf_counter()
        read = list(generate.read(file))
        chat.encode_chats(tokenizer, [one.input for one in read], [one.output for one in read])
        encoded = time.perf_counter() - began
        memory = {}
        for size in (MEMORY_SAMPLE // 10, MEMORY_SAMPLE):
            tracemalloc.start()
            generate.write(file, generate.conversations(parts, "train", size, seed=1))
            memory[size] = tracemalloc.get_traced_memory()[1] / 1024
            tracemalloc.stop()
    return Result(count, made, encoded, memory)


def _few(file: Path) -> Any:
    return islice(generate.read(file), 20_000)


def show(result: Result, console: Console) -> None:
    console.print(
        f"{result.conversations:,} conversations: made in {result.make_seconds:.1f} s, encoded in "
        f"{result.encode_seconds:.1f} s\nmemory while writing: "
        + ", ".join(f"{kilobytes:,.0f} kB for {size:,}" for size, kilobytes in result.memory_kilobytes.items()),
        highlight=False,
        soft_wrap=True,
    )
