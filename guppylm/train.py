"""The training loop: show the model conversations, and nudge its weights until it gives the replies.

One update: take a batch, let the model guess every reply token from what stands before it, measure the
surprise (cross-entropy), ask autograd which way each weight should move, and let the optimizer move it.
What is written down while it goes is `records`; how to stop and go on is `checkpoint`.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from guppylm import cached, chat, checkpoint, positions, precision, records, watch, weights
from guppylm.config import TrainConfig
from guppylm.data import Batch, Batches, collate
from guppylm.errors import TrainError
from guppylm.memory import keep_memory
from guppylm.model import ModelConfig, Transformer
from guppylm.optimizer import optimizers_for
from guppylm.processes import Team
from guppylm.run import Run

QUICK_LOOK = 512  # held-out conversations measured while training; the report card takes all of them
SAMPLE_MOMENTS = 20
KEPT_MOMENTS = slice(4, -1, 7)  # of these, the ones whose weights stay: early, on the way, nearly there


def new_model(config: TrainConfig, vocabulary: int) -> Transformer:
    """An untrained model, the same for the same seed."""
    torch.manual_seed(config.seed)
    model = Transformer(
        ModelConfig(
            vocabulary=vocabulary,
            context=chat.CONTEXT,
            layers=config.layers,
            width=config.width,
            heads=config.heads,
            feed_forward=config.feed_forward,
            dropout=config.dropout,
        )
    )
    if config.looking_back:
        positions.begin(model)
    if config.shallow_share > 0:  # layers that join in later add nothing until they have learned something
        for name, weight in model.blocks[config.shallow_layers :].named_parameters():
            if name.endswith(("attn.out.weight", "ffn.down.weight")):
                nn.init.zeros_(weight)
    return model


def depth(step: int, config: TrainConfig) -> int:
    """How many layers learn in this step. After Gong et al. 2019, "Efficient training of BERT by progressively
    stacking", who copy the lower layers; ours join in with outputs of zero.

    >>> config = TrainConfig(steps=100, layers=6, shallow_layers=2, shallow_share=0.5)
    >>> [depth(step, config) for step in (0, 49, 50, 99)]
    [2, 2, 6, 6]
    """
    return min(config.shallow_layers, config.layers) if step < config.shallow_share * config.steps else config.layers


def schedule(step: int, config: TrainConfig) -> float:
    """The share of the highest learning rates that step takes: up in a straight line, then down half a cosine.

    >>> config = TrainConfig(steps=100, warm_up=10, final_share=0.1)
    >>> [round(schedule(step, config), 3) for step in (0, 9, 54, 99)]
    [0.1, 1.0, 0.558, 0.1]
    """
    if step < config.warm_up:
        return (step + 1) / config.warm_up
    way = (step - config.warm_up) / max(1, config.steps - 1 - config.warm_up)
    return config.final_share + (1 - config.final_share) * 0.5 * (1 + math.cos(math.pi * min(way, 1)))


def token_losses(model: Transformer, batch: Batch, layers: int | None = None) -> Tensor:
    """The surprise (nats) at each of the N tokens that the batch has guessed. The head runs only there."""
    hidden = model.hidden(batch.ids, layers, batch.at)  # (N, D)
    return F.cross_entropy(model.logits(hidden).float(), batch.targets, reduction="none")


def weigh(places: Tensor, emphasis: float) -> Tensor:
    """How much each reply token counts. The first ones, its thoughts if it has any, decide which reply it is; the rest
    is reciting.
    """
    return 1 + emphasis * torch.exp(-places / 2)


@torch.no_grad()
def held_out_loss(model: Transformer, rows: list[chat.Encoded], how: precision.Precision, batch: int = 64) -> float:
    """Mean surprise at a reply token (nats), over conversations that were not trained on."""
    model.eval()
    ordered = sorted(rows, key=lambda row: len(row.ids))
    total, count = 0.0, 0
    for first in range(0, len(ordered), batch):
        part = collate(ordered[first : first + batch]).to(how.device)
        with how.context():
            total += float(token_losses(model, part).sum())
        count += len(part.targets)
    model.train()
    return total / count


def bits_per_byte(loss: float, tokens: int, texts: list[str]) -> float:
    """Mean loss in nats a token -> bits a byte of text, which models with other tokenizers share.

    Thoughts are paid for as well, though they are no text: who has both knows the text.

    >>> round(bits_per_byte(math.log(2), 8, ["eight by"]), 3)
    1.0
    """
    return loss * tokens / math.log(2) / sum(len(text.encode()) for text in texts)


def sample_steps(steps: int) -> set[int]:
    """The moments at which the fixed prompts are asked: dense at first, when most is learned.

    >>> sorted(sample_steps(1000))[:6], len(sample_steps(1000))
    ([0, 3, 11, 25, 44, 69], 20)
    """
    return {round(steps * (i / (SAMPLE_MOMENTS - 1)) ** 2) for i in range(SAMPLE_MOMENTS)}


def update(
    model: Transformer,
    optimizers: list[torch.optim.Optimizer],
    scaler: torch.amp.GradScaler,
    rows: list[chat.Encoded],
    step: int,
    config: TrainConfig,
    how: precision.Precision,
    team: Team,
) -> float:
    """One update of the weights with the conversations `rows`: the mean loss at a token that was guessed (nats)."""
    torch.manual_seed(config.seed * 1_000_003 + step)  # dropout: a resumed step draws the same
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * schedule(step, config)
    guessed = sum(len(row.ids) - row.guessed_from(config.loss_on) for row in rows)
    mine = rows[team.rank :: team.size]
    total = torch.zeros((), device=how.device)
    for part in range(config.accumulate):
        portion = mine[part :: config.accumulate]
        if not portion:
            continue
        batch = collate(portion, config.loss_on).to(how.device)
        with how.context():
            losses = token_losses(model, batch, depth(step, config)) / guessed
        weighted = (losses * weigh(batch.places, config.emphasis)).sum()
        torch.autograd.backward(scaler.scale(weighted))
        total += losses.detach().sum()
    team.add_gradients(model)
    for optimizer in optimizers:
        scaler.unscale_(optimizer)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    if not how.scaled or math.isfinite(norm):  # fp16 overflows at first; then no optimizer may take its step
        for optimizer in optimizers:
            scaler.step(optimizer)
    for optimizer in optimizers:
        optimizer.zero_grad()
    scaler.update()
    return float(team.add(total))


def train(
    model: Transformer,
    tokenizer: Tokenizer,
    batches: Batches,
    held_out: list[chat.Encoded],
    prompts: list[str],
    config: TrainConfig,
    place: Run,
    line: records.ProgressLine,
    team: Team,
) -> bool:
    """Train `model` to the end, or go on from the run's checkpoint. False if it was stopped before the end."""
    if team.size > len(batches.rows(0)):
        raise TrainError(
            f"{team.size} processes cannot share a batch of {len(batches.rows(0))}; start fewer, or set batch higher"
        )
    keep_memory()
    device = precision.choose_device(config.device)
    how = precision.choose(device, config.precision)
    model.to(device).train()
    optimizers = optimizers_for(model, config)
    scaler = torch.amp.GradScaler(device.type, enabled=how.scaled)
    say = line.say if team.leads else lambda _: None
    progress = checkpoint.restore(place.checkpoint, model, optimizers, scaler, say, mend=team.leads)
    team.wait()  # nobody writes before all have read
    if team.leads:
        line.say(f"training on {device} in {str(how.format).removeprefix('torch.')}: {how.why}")
        if progress.step:
            line.say(f"going on after step {progress.step:,}")
        kept = progress.step or -1  # at the start, the first look is made again
        records.forget_after(place.metrics, kept)
        records.forget_after(place.samples, kept)
        records.forget_after(place.bad_batches, kept)
    quick_look = held_out[-QUICK_LOOK:]  # where there are enough, not those that the report card judges
    replies = [row.ids[row.reply_starts :] for row in quick_look]
    texts, measured_tokens = [chat.reply_text(tokenizer, ids) for ids in replies], sum(map(len, replies))
    moments = sample_steps(config.steps)
    kept_moments = sorted(moments)[KEPT_MOMENTS]
    watcher = watch.Watch(place, tokenizer, line)

    def look_around() -> None:
        """Measure, write down, keep the best weights so far, and a checkpoint; each at its own steps."""
        step = progress.step
        if step in moments:
            for prompt, reply in zip(prompts, ask(model, tokenizer, prompts), strict=True):
                records.append(place.samples, {"step": step, "input": prompt, "output": reply})
        if step in kept_moments:
            weights.write_weights(place.grown(step), model)
        if step == 0 or step % config.evaluate_every == 0 or step == config.steps:
            held = held_out_loss(model, quick_look, how)
            bits = bits_per_byte(held, measured_tokens, texts)
            records.append(place.metrics, {"step": step, "held_out_loss": held, "bits_per_byte": bits})
            line.say(f"step {step:,}: held-out loss {held:.3f} nats/token, {bits:.3f} bits/byte")
            if held < progress.best_loss:
                progress.best_loss, progress.best_step = held, step
                weights.write_weights(place.weights, model)
        if step % config.checkpoint_every == 0 or step == config.steps:
            checkpoint.write(place.checkpoint, model, optimizers, scaler, progress)

    stopping = False
    with stop_politely() as stopped:
        if team.leads and progress.step == 0:
            look_around()
        while progress.step < config.steps and not (stopping := team.any(stopped.is_set(), device)):
            began = time.perf_counter()
            rows = batches.rows(progress.step)
            with watch.memory_advice(config):
                loss = update(model, optimizers, scaler, rows, progress.step, config, how, team)
            progress.step += 1
            took = time.perf_counter() - began
            progress.seconds += took
            if team.leads:
                watcher.look(progress.step, loss, rows)
                tokens = sum(len(row.ids) for row in rows)
                rate = config.learning_rate * schedule(progress.step - 1, config)
                line.show(progress.step, config.steps, loss, rate, took, tokens)
                row = {"step": progress.step, "loss": loss, "lr": rate, "ms": took * 1000, "tokens": tokens}
                records.append(place.metrics, row)
                look_around()
        if stopping and team.leads:
            checkpoint.write(place.checkpoint, model, optimizers, scaler, progress)
    return progress.step == config.steps


def ask(model: Transformer, tokenizer: Tokenizer, prompts: list[str]) -> list[str]:
    """The likeliest replies of a model in training."""
    model.eval()
    replies = cached.greedy(model, tokenizer, prompts, longest=chat.REPLY_ROOM)
    model.train()
    return [reply for reply, _ in replies]


@contextmanager
def stop_politely() -> Iterator[threading.Event]:
    """Ctrl-C asks the loop to stop after the step at hand; a second one stops it at once."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(*_: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
