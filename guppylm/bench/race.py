"""Two recipes on the same conversations and the same machine: the time that each needs to the same held-out loss.

The mark to reach is the lowest loss of a finished run, usually one of the plain recipe. That takes long, but it is
needed only once, and like every training it can be stopped and goes on. In the race both take turns, so that whatever
else the machine does disturbs both alike; the plain recipe's updates are timed only while the other recipe runs, and
multiplied. Times begin where token ids are there: making and encoding conversations is in neither.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from rich.console import Console
from tokenizers import Tokenizer

from guppylm import chat, data, embeddings, precision, records, weights
from guppylm import train as loop
from guppylm.bench import machine
from guppylm.config import TrainConfig
from guppylm.errors import RunError
from guppylm.memory import keep_memory
from guppylm.optimizer import optimizers_for
from guppylm.persona import generate, schema
from guppylm.prepare import prepare
from guppylm.processes import Team
from guppylm.records import duration
from guppylm.run import Run, settings
from guppylm.tokenizer import fast

TURN = 20.0  # seconds that a recipe trains before the other one does
LOOKS = 40  # measurements of the held-out loss in a whole training
HELD_OUT = 1_000  # conversations that are measured


@dataclass
class Point:
    """How good a recipe was after so many updates. Measuring is not counted in the time."""

    step: int
    seconds: float
    tokens: int
    loss: float


class Racer:
    """A recipe at work."""

    def __init__(self, config: TrainConfig, tokenizer: Tokenizer, drawings: list[list[chat.Encoded]]) -> None:
        self.config = config
        device = precision.choose_device(config.device)
        self.how = precision.choose(device, config.precision)
        began = time.perf_counter()
        self.model = loop.new_model(config, tokenizer.get_vocab_size())
        if config.counted_embeddings:
            embeddings.begin(self.model.tok_emb.weight, drawings[0], fast.thoughts(tokenizer))
        self.model.to(device).train()
        self.optimizers = optimizers_for(self.model, config)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.how.scaled)
        seen = drawings[: config.drawings]
        self.batches = data.Batches(
            seen, config.batch, config.seed, config.sorted_together, data.hearing(config, tokenizer)
        )
        self.setup = time.perf_counter() - began
        self.here = Point(0, self.setup, 0, float("inf"))
        self.curve: list[Point] = []

    @property
    def done(self) -> bool:
        return self.here.step == self.config.steps

    def take_a_turn(self, held_out: list[chat.Encoded]) -> None:
        """Train for a while, and look now and then how good the model is."""
        until = self.here.seconds + TURN
        while self.here.seconds < until and not self.done:
            began = time.perf_counter()
            rows = self.batches.rows(self.here.step)
            loop.update(self.model, self.optimizers, self.scaler, rows, self.here.step, self.config, self.how, Team())
            machine.wait(self.how.device)
            self.here.step += 1
            self.here.seconds += time.perf_counter() - began
            self.here.tokens += sum(len(row.ids) for row in rows)
            if self.here.step % max(1, self.config.steps // LOOKS) == 0 or self.done:
                self.here.loss = loop.held_out_loss(self.model, held_out, self.how)
                self.curve.append(Point(**asdict(self.here)))

    def reaches(self, loss: float) -> Point | None:
        """The first measured moment at which the held-out loss was that low."""
        return next((point for point in self.curve if point.loss <= loss), None)


@dataclass
class Result:
    """What `guppylm bench train` prints."""

    machine: str
    target: float  # held-out loss on reply tokens, nats
    recipe: Point | None  # when the recipe reached it; None if it never did
    plain: Point  # the plain recipe where it was best; its time is extrapolated from `timed_steps`
    timed_steps: int
    ratio: float | None  # plain's time / the recipe's
    curves: dict[str, list[Point]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def race(place: Run, recipe: TrainConfig, console: Console) -> Result:
    """The recipe that made the run `place`, and another one, which trains until it is as good, or to its end.

    Both have that run's thoughts or none, since thoughts are guessed, too: else the losses would not compare.
    """
    plain = settings(place)
    looks = [row for row in records.read(place.metrics) if "held_out_loss" in row]
    if not any(row["step"] == plain.steps for row in looks):
        raise RunError(f"{place.folder}: its training has not come to its end; the same  guppylm train  goes on")
    best = min(looks, key=lambda row: row["held_out_loss"])["step"]
    same = ("seed", "conversations", "held_out", "vocabulary", "thoughts", "device")
    shared = {name: getattr(plain, name) for name in same}
    recipe = replace(recipe, **shared)
    prepare(schema.load(place.persona), place, recipe, console)  # more drawings, if the recipe wants them
    keep_memory()
    tokenizer = fast.load(place.tokenizer)
    drawings = [data.encode_all(tokenizer, generate.read(file), chat.CONTEXT) for file in place.all_train_data]
    held_out = data.encode_all(tokenizer, generate.read(place.eval_data), chat.CONTEXT)[:HELD_OUT]
    racers = {"recipe": Racer(recipe, tokenizer, drawings), "plain": Racer(plain, tokenizer, drawings)}
    how = racers["plain"].how
    target = loop.held_out_loss(weights.read_model(place).to(how.device), held_out, how)
    while not racers["recipe"].done and racers["recipe"].reaches(target) is None:
        for name, racer in racers.items():
            racer.take_a_turn(held_out)
            here = racer.here
            console.print(
                f"{name}: {here.step:,}/{racer.config.steps:,} updates in {duration(here.seconds)}, "
                f"held-out loss {here.loss:.3f}",
                highlight=False,
                soft_wrap=True,
            )
    ran, whole = racers["plain"].here, best / racers["plain"].here.step
    setup = racers["plain"].setup
    end = Point(best, setup + (ran.seconds - setup) * whole, round(ran.tokens * whole), target)
    reached = racers["recipe"].reaches(target)
    return Result(
        machine=machine.name(racers["recipe"].how.device), target=target, recipe=reached, plain=end,
        timed_steps=ran.step, ratio=end.seconds / reached.seconds if reached else None,
        curves={name: racer.curve for name, racer in racers.items()},
    )  # fmt: skip


def show(result: Result, console: Console) -> None:
    console.print(
        f"{result.machine}; held-out loss to reach: {result.target:.3f} nats a reply token",
        highlight=False,
        soft_wrap=True,
    )
    for name, point in (("recipe", result.recipe), ("plain", result.plain)):
        told = (
            f"{duration(point.seconds)}, {point.step:,} updates, {point.tokens:,} tokens"
            if point
            else "never got there"
        )
        console.print(f"{name:8}{told}", highlight=False, soft_wrap=True)
    if result.ratio:
        console.print(
            f"the recipe needs 1/{result.ratio:.1f} of the plain recipe's time", highlight=False, soft_wrap=True
        )
