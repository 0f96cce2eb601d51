"""The yardsticks: that they run, and that what they count is what they say. How fast it is, no test says."""

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from conftest import QUICK, guppylm, quick, write_persona
from rich.console import Console

from guppylm import data, pipeline, records, train
from guppylm.bench import race, step
from guppylm.chat import Encoded
from guppylm.config import TrainConfig, configure
from guppylm.errors import RunError
from guppylm.optimizer import optimizers_for
from guppylm.run import Run

QUIET = Console(quiet=True)


@pytest.fixture
def place(small_run: Run, tmp_path: Path) -> Run:
    shutil.copytree(small_run.folder, tmp_path / "run")
    return Run(tmp_path / "run")


def plain(**changes: str) -> TrainConfig:
    return configure("plain", QUICK | changes)


def test_a_race_to_the_loss_at_which_a_run_ended(place: Run) -> None:
    """The run was trained by the very same recipe for 60 steps; a quicker one gets there earlier."""
    recipe = quick(steps="240", learning_rate="2e-2", shallow_share="0", drawings="2")
    result = race.race(place, recipe, QUIET)
    written = [row["held_out_loss"] for row in records.read(place.metrics) if "held_out_loss" in row]
    assert result.target == pytest.approx(written[-1], abs=1e-3)  # written weights are rounded to 16 bits
    assert result.recipe is not None
    assert result.recipe.loss <= result.target
    before = [point for point in result.curves["recipe"] if point.step < result.recipe.step]
    assert all(point.loss > result.target for point in before)
    assert result.plain.step == 60
    assert result.ratio == pytest.approx(result.plain.seconds / result.recipe.seconds)
    assert json.loads(json.dumps(result.to_json()))["plain"]["step"] == 60
    records.forget_after(place.metrics, 59)  # as if it had been stopped before its last update
    with pytest.raises(RunError, match="has not come to its end"):
        race.race(place, recipe, QUIET)


@pytest.mark.parametrize("thoughts", ["false", "true"])
def test_a_racer_learns_what_training_does(thoughts: str, tmp_path: Path) -> None:
    """The same updates as `guppylm train`: after all of them, the held-out loss that the run has written down."""
    from guppylm import chat
    from guppylm.persona import generate
    from guppylm.tokenizer import fast

    place, config = Run(tmp_path / "run"), quick(thoughts=thoughts)
    assert pipeline.whole_road(write_persona(tmp_path / "owl"), place, config, QUIET)
    tokenizer = fast.load(place.tokenizer)
    drawings = [data.encode_all(tokenizer, generate.read(file), chat.CONTEXT) for file in place.all_train_data]
    held_out = data.encode_all(tokenizer, generate.read(place.eval_data), chat.CONTEXT)
    racer = race.Racer(config, tokenizer, drawings)
    while not racer.done:
        racer.take_a_turn(held_out)
    written = [row["held_out_loss"] for row in records.read(place.metrics) if "held_out_loss" in row]
    assert racer.here.loss == pytest.approx(written[-1], abs=1e-5)


def test_operations_are_counted_as_pytorch_counts_them() -> None:
    """Against PyTorch's own counter, forward and backward. It does not see Muon, so AdamW takes the steps here."""
    from torch.utils.flop_counter import FlopCounterMode

    config = quick(optimizer="adamw", shallow_share="0")
    batch = data.collate([Encoded([1, 2, 3, 4, 5, 6, 7], 3), Encoded([1, 2, 3, 4, 5, 6, 7], 5)])
    model = train.new_model(config, config.vocabulary)
    with FlopCounterMode(display=False) as counter:
        train.token_losses(model, batch).sum().backward()
    ours = step._operations(batch, config, config.vocabulary, layers=2)
    # the first layer's input is an embedding lookup: PyTorch skips no product there, and neither do we
    assert ours == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_every_operation_counts_where_it_belongs() -> None:
    class Event:
        def __init__(self, name: str, above: "Event | None" = None) -> None:
            self.name, self.cpu_parent = name, above

    kinds = {
        "aten::mm": "linear layers and head", "aten::_softmax": "attention", "aten::_log_softmax": "loss",
        "aten::_log_softmax_backward_data": "loss", "aten::expand": step.REST, "aten::native_layer_norm": step.REST,
    }  # fmt: skip
    for name, kind in kinds.items():
        assert step._kind(Event(name)) == kind
        assert step._kind(Event(name, Event("Optimizer.step#Muon.step"))) == step.OPTIMIZER


def test_all_tokens_or_the_reply_alone() -> None:
    """By hand: the plain recipe guesses every token but the first."""
    rows = [Encoded([5, 6, 7, 8, 9], 3), Encoded([1, 2, 3], 1)]
    config = plain(dropout="0", vocabulary="300")
    model = train.new_model(config, 300).eval()
    with torch.no_grad():
        by_hand = sum(
            -model(torch.tensor([row.ids[:place]]))[0, -1].log_softmax(-1)[row.ids[place]]
            for row in rows
            for place in range(1, len(row.ids))
        )
        assert torch.allclose(train.token_losses(model, data.collate(rows, "all")).sum(), by_hand, rtol=1e-5)


def test_the_plain_recipe_is_plain() -> None:
    config = configure("plain", {})
    model = train.new_model(dataclasses.replace(config, width=48, layers=1), 300)
    [optimizer] = optimizers_for(model, config)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1]
    assert {weight for group in optimizer.param_groups for weight in group["params"]} == set(model.parameters())
    assert (config.steps, config.batch, config.learning_rate, config.warm_up) == (10_000, 32, 3e-4, 200)
    assert config.learning_rate * train.schedule(config.steps - 1, config) == pytest.approx(3e-5)
    assert (config.loss_on, config.precision, config.dropout) == ("all", "fp32", 0.1)
    lengths = [5, 40, 9, 23]
    batches = data.Batches([[Encoded([1] * n, 2) for n in lengths * 8]], 4, 1, sorted_together=config.sorted_together)
    assert any(len({len(row.ids) for row in batches.rows(number)}) > 1 for number in range(batches.per_epoch))


@pytest.mark.parametrize("command", ["step", "chat"])
def test_the_commands_print_one_object(place: Run, command: str) -> None:
    knobs = (
        [part for name, value in QUICK.items() for part in ("--set", f"{name}={value}")] if command == "step" else []
    )
    done = guppylm("bench", command, place.folder, "--json", *knobs)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    if command == "step":
        assert math.isclose(sum(result["shares"].values()), 1, abs_tol=1e-6)
        assert result["speed"] > 0
    else:
        assert result["replies"] == 60
        speeds = [result[name]["tokens_a_second"] for name in ("naive", "runtime")]
        assert result["ratio"] == pytest.approx(speeds[1] / speeds[0])
