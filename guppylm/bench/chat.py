"""How quick a trained model answers, one message at a time."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median
from typing import Any

import torch
from rich.console import Console

from guppylm import chat, generate, weights
from guppylm.bench import machine
from guppylm.persona import generate as conversations
from guppylm.run import Run
from guppylm.sample import Sampling


@dataclass
class Result:
    machine: str
    replies: int
    replies_a_second: float
    tokens_a_second: float
    first_token_seconds: float  # median, from the message to the reply's first token
    memory_megabytes: float | None  # the most that the process has held; unknown on Windows

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(place: Run, replies: int) -> Result:
    """Greedy replies to the first held-out prompts, without a cache (`generate.generate`)."""
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    end, forbidden = chat.special_ids(tokenizer)
    prompts = [one.input for one in islice(conversations.read(place.eval_data), replies)]
    firsts, tokens = [], 0
    greedy = Sampling(temperature=0)
    began = time.perf_counter()
    for prompt in prompts:
        asked = time.perf_counter()
        ids = chat.encode_prompt(tokenizer, prompt, model.config.context)
        for number, _ in enumerate(generate.generate(model, ids, end, forbidden, greedy)):
            tokens += 1
            if number == 0:
                firsts.append(time.perf_counter() - asked)
    seconds = time.perf_counter() - began
    return Result(
        machine=machine.name(torch.device("cpu")), replies=len(prompts), replies_a_second=len(prompts) / seconds,
        tokens_a_second=tokens / seconds, first_token_seconds=median(firsts or [0.0]),
        memory_megabytes=_most_memory(),
    )  # fmt: skip


def _most_memory() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes, but bytes on a Mac
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def show(result: Result, console: Console) -> None:
    memory = f", at most {result.memory_megabytes:.0f} MB" if result.memory_megabytes else ""
    console.print(
        f"{result.machine}; {result.replies} greedy replies without a cache:\n"
        f"{result.replies_a_second:.1f} replies/s, {result.tokens_a_second:.0f} tokens/s, first token after "
        f"{result.first_token_seconds * 1000:.0f} ms (median){memory}",
        highlight=False,
        soft_wrap=True,
    )
