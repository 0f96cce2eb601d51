"""Where the time of one update goes, and how near its matrix products come to what the machine can do."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import torch
from rich.console import Console
from torch.profiler import ProfilerActivity, profile

from guppylm import chat, data, precision
from guppylm import train as loop
from guppylm.bench import machine
from guppylm.config import TrainConfig
from guppylm.memory import keep_memory
from guppylm.optimizer import optimizers_for
from guppylm.persona import generate
from guppylm.processes import Team
from guppylm.run import Run
from guppylm.tokenizer import fast

UPDATES = 12  # measured; as many before them warm up
KINDS = {
    "linear layers and head": {"mm", "addmm"},
    "attention": {"bmm", "_softmax", "_softmax_backward_data", "masked_fill", "masked_fill_", "triu", "div"},
    "loss": {"_log_softmax", "_log_softmax_backward_data", "nll_loss_forward", "nll_loss_backward"},
}
OPTIMIZER, REST, OUTSIDE = "optimizer and clipping", "other elementwise work, norms, copies", "data, Python"


@dataclass
class Result:
    machine: str
    layers: int  # that learn in the updates measured
    milliseconds: float  # an update
    shares: dict[str, float]  # of the time, by kind of work
    operations: float  # floating-point, of an update's matrix products
    speed: float  # floating-point operations a second, over the whole update
    possible: float  # the same of a bare matrix product, right after

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(place: Run, config: TrainConfig) -> Result:
    """Updates as the first ones of the config, on the run's own conversations, from random weights."""
    layers = loop.depth(0, config)
    keep_memory()
    tokenizer = fast.load(place.tokenizer)
    rows = data.encode_all(tokenizer, generate.read(place.train_data()), chat.CONTEXT)
    batches = data.Batches([rows], config.batch, config.seed, config.sorted_together, data.hearing(config, tokenizer))
    device = precision.choose_device(config.device)
    how = precision.choose(device, config.precision)
    model = loop.new_model(config, tokenizer.get_vocab_size()).to(device).train()
    optimizers = optimizers_for(model, config)
    scaler = torch.amp.GradScaler(device.type, enabled=how.scaled)

    def updates(begin: int) -> float:
        began = time.perf_counter()
        for number in range(begin, begin + UPDATES):
            loop.update(model, optimizers, scaler, batches.rows(number), 0, config, how, Team())
        machine.wait(device)
        return time.perf_counter() - began

    updates(0)
    seconds = updates(UPDATES)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    with profile(activities=activities) as watched:
        profiled = updates(2 * UPDATES)
    spent: defaultdict[str, float] = defaultdict(float)
    for event in watched.events() or []:
        on_gpu = device.type == "cuda"
        spent[_kind(event)] += (event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e6
    spent[OUTSIDE] = max(0.0, profiled - sum(spent.values()))
    shapes = [data.collate(batches.rows(number), config.loss_on) for number in range(UPDATES, 2 * UPDATES)]
    vocabulary = tokenizer.get_vocab_size()
    operations = sum(_operations(batch, config, vocabulary, layers) for batch in shapes) / UPDATES
    places = shapes[0].ids.numel()
    return Result(
        machine=machine.name(device), layers=layers, milliseconds=seconds / UPDATES * 1000,
        shares={kind: spent[kind] / sum(spent.values()) for kind in (*KINDS, REST, OPTIMIZER, OUTSIDE)},
        operations=operations, speed=operations * UPDATES / seconds,
        possible=machine.product_speed(device, how.format, places, config.width, config.feed_forward),
    )  # fmt: skip


def _kind(event: Any) -> str:
    above = event
    while above is not None:
        if above.name.startswith("Optimizer.") or "clip_grad" in above.name or "_foreach" in above.name:
            return OPTIMIZER
        above = above.cpu_parent
    return next((kind for kind, names in KINDS.items() if event.name.removeprefix("aten::") in names), REST)


def _operations(batch: data.Batch, config: TrainConfig, vocabulary: int, layers: int) -> float:
    """Of all matrix products of one update. Each costs twice as much backward as forward.

    In the last layer only the places that guess go through the output projection and the feed-forward part.
    """
    width, (conversations, positions), guessed = config.width, batch.ids.shape, len(batch.targets)
    places = conversations * positions
    after = width * width + 2 * width * config.feed_forward  # multiplications a place once attention has gathered
    layer = places * 3 * width * width + 2 * places * positions * width
    model = layers * layer + ((layers - 1) * places + guessed) * after + guessed * width * vocabulary
    shapes = [(width, width)] * 4 + [(width, config.feed_forward)] * 2
    muon = layers * sum(3 * (2 * a * a * b + a**3) for a, b in shapes) if config.optimizer == "muon" else 0
    return 2.0 * (3 * model + muon)


def show(result: Result, console: Console) -> None:
    console.print(
        f"{result.machine}; {result.layers} layers: {result.milliseconds:.0f} ms an update\n"
        f"{result.operations / 1e9:.0f} GFLOP of matrix products an update: {result.speed / 1e9:.0f} GFLOP/s over all, "
        f"{result.speed / result.possible:.0%} of a bare product's {result.possible / 1e9:.0f}",
        highlight=False,
        soft_wrap=True,
    )
    for kind, share in result.shares.items():
        console.print(f"{share:6.1%}  {kind}", highlight=False, soft_wrap=True)
