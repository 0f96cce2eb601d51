"""Every engine that is installed, on one thread, side by side with PyTorch: speed, memory, size, agreement."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from guppylm import chat, generate
from guppylm.bench import machine
from guppylm.errors import MissingExtra
from guppylm.export import formats
from guppylm.export.parity import Engine, Source
from guppylm.persona import generate as conversations
from guppylm.run import Run
from guppylm.sample import Array, Sampling

GREEDY = Sampling(temperature=0)


@dataclass
class Row:
    """One engine with one format."""

    engine: str
    format: str
    megabytes: float  # on disk, with what lies beside the weights; of the run folder the weights alone
    memory_megabytes: float | None  # that a process grows by, importing, loading and answering once; told on Linux only
    identical: int = 0  # greedy replies that PyTorch gives, too, to the last token
    largest: float = 0.0  # difference of a logit behind a prompt
    first_token_seconds: float = 0.0  # median time to read a prompt
    tokens_a_second: float = 0.0  # of whole replies, the reading of the prompt included
    times_naive: float = 0.0  # of PyTorch's tokens a second, everything computed again for each token
    bound: float = 0.0  # tokens a second if nothing had to be done but read the weights from memory
    firsts: list[float] = field(default_factory=list)
    seconds: float = 0.0
    tokens: int = 0


@dataclass
class Result:
    machine: str
    replies: int
    gigabytes_a_second: float  # of memory, read by one thread
    rows: list[Row]
    missing: list[str]  # formats whose engine is not installed

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        for row in told["rows"]:
            del row["firsts"]
        return told


def measure(place: Run, replies: int, console: Console) -> Result:
    """Greedy replies to the first held-out messages. The engines take turns at every message, so that a busy machine
    is unfair to none."""
    source = Source.read(place)
    context = source.model.config.context
    prompts = [
        chat.encode_prompt(source.tokenizer, one.input, context)
        for one in islice(conversations.read(place.eval_data), replies)
    ]
    with tempfile.TemporaryDirectory() as folder, machine.one_thread():
        naive = _naive(source)
        size = source.place.weights.stat().st_size / 1e6
        ready, missing = [(Row("PyTorch, no cache", "run folder", size, None), naive)], []
        with Progress(console=console, transient=True) as progress:
            for name, form in progress.track(formats.FORMATS.items(), description="starting the engines"):
                try:
                    ready.append(_start(source, Path(folder) / name, name, form, prompts[0]))
                except MissingExtra:
                    missing.append(name)
            for prompt in progress.track(prompts, description="asking them in turns"):
                scores, reply = naive.logits(prompt), naive.greedy(prompt)
                for row, engine in ready:
                    _ask(row, engine, prompt, scores, reply)
        speed = machine.memory_speed(int(size * 1e6))
    rows = [row for row, _ in ready]
    for row in rows:
        row.first_token_seconds = median(row.firsts)
        row.tokens_a_second = row.tokens / row.seconds
        row.times_naive = row.tokens_a_second / rows[0].tokens_a_second
        row.bound = speed / (row.megabytes * 1e6)
    return Result(machine.name(torch.device("cpu")), len(prompts), speed / 1e9, rows, missing)


def _naive(source: Source) -> Engine:
    """PyTorch with everything computed again for each token."""
    end, forbidden = chat.special_ids(source.tokenizer)
    return Engine(source.logits, lambda ids: list(generate.generate(source.model, ids, end, forbidden, GREEDY)))


def _start(source: Source, folder: Path, name: str, form: formats.Format, prompt: list[int]) -> tuple[Row, Engine]:
    form.write(source, folder)
    engine = form.start(source, folder)
    context = multiprocessing.get_context("spawn")  # a process of its own, where nothing is left over from others
    with ProcessPoolExecutor(1, context) as alone:
        grown = alone.submit(_memory, source, folder, name, prompt).result()
    return Row(form.engine, name, formats.megabytes(folder), grown), engine


def _memory(source: Source, folder: Path, name: str, prompt: list[int]) -> float | None:
    start = formats.FORMATS[name].start
    before = machine.memory()
    start(source, folder).greedy(prompt)
    after = machine.memory()
    return (after - before) / 1e6 if before is not None and after is not None else None


def _ask(row: Row, engine: Engine, prompt: list[int], scores: Array, reply: list[int]) -> None:
    with _clock() as first:
        row.largest = max(row.largest, float(abs(engine.logits(prompt) - scores).max()))
    with _clock() as whole:
        said = engine.greedy(prompt)
    row.firsts += first
    row.seconds += whole[0]
    row.tokens += len(said) + 1  # its end is a token, too
    row.identical += said == reply


@contextmanager
def _clock() -> Iterator[list[float]]:
    taken: list[float] = []
    began = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - began)


def as_table(result: Result) -> str:
    """Markdown, for docs/engines.md."""
    lines = [
        f"{result.machine}; {result.replies} greedy replies, one thread; memory is read at "
        f"{result.gigabytes_a_second:.0f} GB/s",
        "",
        "| engine | format | MB | memory, MB | same replies | logits within | first token, ms | tokens/s | x | bound |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for row in result.rows:
        memory = "" if row.memory_megabytes is None else f"{row.memory_megabytes:.0f}"
        lines.append(
            f"| {row.engine} | {row.format} | {row.megabytes:.1f} | {memory} | {row.identical} | {row.largest:.2g} "
            f"| {row.first_token_seconds * 1000:.1f} | {row.tokens_a_second:.0f} | {row.times_naive:.1f} "
            f"| {row.bound:.0f} |"
        )
    if result.missing:
        lines += ["", f"not installed here: {', '.join(result.missing)}"]
    return "\n".join(lines)
