"""What size costs: time an update against parameters, time for data against conversations, one process against two."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from rich.console import Console

from guppylm import data, files, precision, records
from guppylm import train as loop
from guppylm.bench import machine
from guppylm.chat import Encoded
from guppylm.config import TrainConfig
from guppylm.errors import GuppyError
from guppylm.optimizer import optimizers_for
from guppylm.persona import generate
from guppylm.persona.schema import Persona
from guppylm.persona.split import split
from guppylm.processes import Team

# width, layers: from about 1 to about 30 million parameters, with the feed-forward part twice the width
SIZES = ((128, 2), (192, 4), (256, 6), (384, 2), (384, 6), (512, 6), (512, 12), (640, 7))
CONVERSATIONS = (6_000, 20_000, 60_000, 200_000, 600_000)
UPDATES = 6


@dataclass
class Size:
    width: int
    layers: int
    parameters: int
    milliseconds: float  # an update of the preset's batch, all layers learning


@dataclass
class Result:
    machine: str
    sizes: list[Size]
    data_seconds: dict[int, float]  # conversations drawn and written -> seconds
    process_seconds: dict[int, float]  # processes that share the cores -> seconds for a short training

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    persona_folder: Path, persona: Persona, rows: list[Encoded], vocabulary: int, config: TrainConfig
) -> Result:
    device = precision.choose_device(config.device)
    return Result(
        machine=machine.name(device),
        sizes=[_size(width, layers, rows, vocabulary, config, device) for width, layers in SIZES],
        data_seconds={count: _data(persona, count) for count in CONVERSATIONS},
        process_seconds={count: _processes(persona_folder, count) for count in (1, 2)},
    )


def _size(
    width: int, layers: int, rows: list[Encoded], vocabulary: int, config: TrainConfig, device: torch.device
) -> Size:
    heads = max(1, width // 64)
    sized = dataclasses.replace(
        config, width=width, layers=layers, heads=heads, feed_forward=2 * width, shallow_share=0.0
    )
    how = precision.choose(device, config.precision)
    model = loop.new_model(sized, vocabulary).to(device).train()
    optimizers, scaler = optimizers_for(model, sized), torch.amp.GradScaler(device.type, enabled=how.scaled)
    batches = data.Batches([rows], sized.batch, sized.seed, sized.sorted_together)
    times = []
    for number in range(UPDATES + 2):
        began = time.perf_counter()
        loop.update(model, optimizers, scaler, batches.rows(number), number, sized, how, Team())
        machine.wait(device)
        times.append(time.perf_counter() - began)
    parameters = sum(weight.numel() for weight in model.parameters())
    return Size(width, layers, parameters, 1000 * sum(times[2:]) / UPDATES)


def _data(persona: Persona, count: int) -> float:
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        generate.write(Path(folder) / "train.jsonl", generate.conversations(split(persona, 1), "train", count, 1))
        return time.perf_counter() - began


def _processes(persona_folder: Path, count: int) -> float:
    """Seconds that the updates of a short training (quick preset) take by its own clock: starting up is not counted."""
    threads = max(1, torch.get_num_threads() // count)
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count), "-m"]
    with TemporaryDirectory() as folder:
        knobs = ("steps=16", "evaluate_every=16", "checkpoint_every=16", "device=cpu")
        turned = [word for knob in knobs for word in ("--set", knob)]
        done = subprocess.run(
            [*start, "guppylm", "train", persona_folder.resolve(), "-o", folder + "/run", "--preset", "quick", *turned],
            env={**os.environ, "OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("guppylm:")]
            raise GuppyError(f"{count} process(es) did not train: {said[0] if said else done.stderr.strip()}")
        steps = [row["ms"] for row in records.read(Path(folder) / "run" / "metrics.jsonl") if "ms" in row]
        return float(sum(steps[2:]) / 1000)


def draw(result: Result, picture: Path) -> None:
    """Both curves, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    sizes = sorted(result.sizes, key=lambda size: size.parameters)
    left.plot([size.parameters / 1e6 for size in sizes], [size.milliseconds for size in sizes], "o")
    for size in sizes:
        left.annotate(
            f" {size.width} x {size.layers}", (size.parameters / 1e6, size.milliseconds), fontsize=7, va="center"
        )
    left.set(xlabel="million parameters (label: width x layers)", ylabel="ms an update", ylim=(0, None))
    right.plot(list(result.data_seconds), list(result.data_seconds.values()), "o-")
    right.set(xlabel="conversations", ylabel="seconds to draw and write them", xscale="log", yscale="log")
    for axes in (left, right):
        axes.grid(alpha=0.3)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110)
    files.write_bytes(picture, drawn.getvalue())


def show(result: Result, console: Console) -> None:
    console.print(result.machine, highlight=False, soft_wrap=True)
    for size in result.sizes:
        shape = f"{size.parameters / 1e6:5.1f}M parameters ({size.width} x {size.layers})"
        console.print(f"{shape}: {size.milliseconds:6.0f} ms an update", highlight=False, soft_wrap=True)
    for count, seconds in result.data_seconds.items():
        console.print(f"{count:9,} conversations: {seconds:6.1f} s", highlight=False, soft_wrap=True)
    for count, seconds in result.process_seconds.items():
        console.print(f"{count} process(es) on the same cores: {seconds:.1f} s", highlight=False, soft_wrap=True)
