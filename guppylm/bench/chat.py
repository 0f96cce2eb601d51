"""How quick a trained model answers, one message at a time: the naive way, and with a cache in 8 bits."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from guppylm import chat, generate, runtime, weights
from guppylm.bench import machine
from guppylm.export import formats
from guppylm.persona import generate as conversations
from guppylm.run import Run
from guppylm.sample import Sampling

GREEDY = Sampling(temperature=0)


@dataclass
class Speaker:
    """One way to reply, and how long it took for it."""

    speak: Callable[[list[int]], Iterator[int]]
    tokens: int = 0
    seconds: float = 0.0
    firsts: list[float] = field(default_factory=list)  # seconds to each reply's first token

    def answer(self, prompt: list[int]) -> None:
        began = time.perf_counter()
        for number, _ in enumerate(self.speak(prompt)):
            self.tokens += 1
            if number == 0:
                self.firsts.append(time.perf_counter() - began)
        self.tokens += 1  # its end is a token, too
        self.seconds += time.perf_counter() - began


@dataclass
class Speed:
    replies_a_second: float
    tokens_a_second: float
    first_token_seconds: float  # median, from the message to the first token, be it a thought


@dataclass
class Result:
    machine: str
    replies: int
    naive: Speed  # PyTorch on one thread, everything computed again for each token (`generate.generate`)
    runtime: Speed  # ONNX Runtime on one thread, 8 bits (`runtime.Character`)
    ratio: float  # of their tokens a second
    memory_megabytes: float | None  # the most that this process, with both in it, has held; unknown on Windows

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(place: Run, replies: int) -> Result:
    """Greedy replies to the first held-out prompts; the two take turns at every prompt."""
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    end, forbidden = chat.special_ids(tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        formats.export(place, Path(folder) / "exported", "onnx-8bit")
        character = runtime.load(Path(folder) / "exported")
    naive = Speaker(lambda ids: generate.generate(model, ids, end, forbidden, GREEDY))
    quick = Speaker(lambda ids: character.generate(ids, GREEDY))
    prompts = [one.input for one in islice(conversations.read(place.eval_data), replies)]
    with machine.one_thread():
        for prompt in prompts:
            for speaker in (naive, quick):
                speaker.answer(chat.encode_prompt(tokenizer, prompt, model.config.context))
    speeds = [
        Speed(len(prompts) / one.seconds, one.tokens / one.seconds, median(one.firsts or [0.0]))
        for one in (naive, quick)
    ]
    return Result(
        machine=machine.name(torch.device("cpu")), replies=len(prompts), naive=speeds[0], runtime=speeds[1],
        ratio=speeds[1].tokens_a_second / speeds[0].tokens_a_second, memory_megabytes=_most_memory(),
    )  # fmt: skip


def _most_memory() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, but bytes on a Mac
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def show(result: Result, console: Console) -> None:
    table = Table(title=f"{result.machine}; {result.replies} greedy replies, one thread")
    for column in ("", "replies/s", "tokens/s", "first token after (median)"):
        table.add_column(column, justify="right" if column else "left")
    for name, speed in (("PyTorch, no cache", result.naive), ("runtime, 8 bits", result.runtime)):
        table.add_row(
            name, f"{speed.replies_a_second:.1f}", f"{speed.tokens_a_second:.0f}",
            f"{speed.first_token_seconds * 1000:.1f} ms",
        )  # fmt: skip
    console.print(table)
    memory = f", at most {result.memory_megabytes:.0f} MB for both" if result.memory_megabytes else ""
    console.print(f"the runtime is {result.ratio:.1f} times as quick{memory}", highlight=False)
