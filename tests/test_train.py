"""The training loop: resumable to the bit, the same in one process or two, and honest about its batches."""

import itertools
import math
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import QUICK, quick, write_persona
from rich.console import Console
from safetensors.torch import load_file

from guppylm import checkpoint, pipeline, precision, records, train
from guppylm.chat import Encoded, encode_chats
from guppylm.config import PRESETS, TrainConfig, configure
from guppylm.data import Batches, collate, hearing, leave_out, pull_apart
from guppylm.errors import GuppyError
from guppylm.optimizer import optimizers_for
from guppylm.persona import generate, schema
from guppylm.prepare import prepare
from guppylm.processes import Team
from guppylm.run import Run
from guppylm.tokenizer import fast


def losses(place: Run) -> list[float]:
    return [row["loss"] for row in records.read(place.metrics) if "loss" in row]


def test_stopped_at_any_step_it_goes_on_exactly(
    small_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped right after a checkpoint that is not at a round step, with dropout, in parts of a batch."""
    config = quick(dropout="0.1", accumulate="2", checkpoint_every="7")
    straight, stopped = Run(tmp_path / "straight"), Run(tmp_path / "stopped")
    persona = write_persona(tmp_path / "owl")
    quiet = Console(quiet=True)
    pipeline.whole_road(persona, straight, config, quiet)

    real = checkpoint.write

    def write_then_die(*args: Any) -> None:
        real(*args)
        raise SystemExit("power cut")

    for _ in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(checkpoint, "write", write_then_die)
            with pytest.raises(SystemExit):
                pipeline.whole_road(persona, stopped, config, quiet)
    pipeline.whole_road(persona, stopped, config, quiet)
    assert losses(stopped) == losses(straight)
    assert stopped.weights.read_bytes() == straight.weights.read_bytes()
    assert [row["output"] for row in records.read(stopped.samples)] == [
        row["output"] for row in records.read(straight.samples)
    ]


def test_the_same_seed_gives_the_same_weights_and_another_one_others(small_run: Run, tmp_path: Path) -> None:
    persona, quiet = write_persona(tmp_path / "owl"), Console(quiet=True)
    again, other = Run(tmp_path / "again"), Run(tmp_path / "other")
    pipeline.whole_road(persona, again, quick(), quiet)
    pipeline.whole_road(persona, other, quick(seed="2"), quiet)
    assert again.weights.read_bytes() == small_run.weights.read_bytes()
    assert other.weights.read_bytes() != small_run.weights.read_bytes()


def test_two_processes_learn_what_one_does(small_run: Run, tmp_path: Path) -> None:
    knobs = [part for name, value in QUICK.items() for part in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    persona, place = write_persona(tmp_path / "owl"), Run(tmp_path / "two")
    done = subprocess.run(
        [*command, "-m", "guppylm", "train", persona, "-o", place.folder, "--preset", "quick", *knobs],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert losses(place) == pytest.approx(losses(small_run), abs=1e-3)


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_a_batch_in_parts_gives_the_same_gradient(parts: int) -> None:
    config = TrainConfig(layers=1, width=16, heads=2, feed_forward=16, vocabulary=300)
    rows = [Encoded([5 + i % 7] * (6 + i), 3) for i in range(16)]
    count = sum(len(row.ids) - row.reply_starts for row in rows)

    def gradient(parts: int) -> list[torch.Tensor]:
        model = train.new_model(config, 300)
        for part in range(parts):
            (train.token_losses(model, collate(rows[part::parts])).sum() / count).backward()
        return [weight.grad for weight in model.parameters() if weight.grad is not None]

    for whole, summed in zip(gradient(1), gradient(parts), strict=True):
        assert torch.allclose(whole, summed, atol=1e-6)


def test_an_epoch_shows_every_conversation_of_its_drawing_once() -> None:
    drawings = [[Encoded([number] * (5 + number % 9), 2) for number in range(first, first + 103)] for first in (0, 500)]
    batches = Batches(drawings, batch=10, seed=4)
    epochs = [[row.ids[0] for step in range(10) for row in batches.rows(10 * epoch + step)] for epoch in range(3)]
    assert batches.per_epoch == 10
    assert all(len(set(epoch)) == 100 for epoch in epochs)
    assert max(epochs[0]) < 500 <= min(epochs[1])
    assert max(epochs[2]) < 500
    assert epochs[2] != epochs[0]
    assert [row.ids for row in Batches(drawings, 10, seed=4).rows(13)] == [row.ids for row in batches.rows(13)]


def test_a_checkpoint_brings_everything_back(tmp_path: Path) -> None:
    config = TrainConfig(layers=1, width=16, heads=2, feed_forward=16, vocabulary=300)
    model = train.new_model(config, 300)
    optimizers = optimizers_for(model, config)
    batch = collate([Encoded([1, 2, 3, 4], 2)])
    for _ in range(3):
        train.token_losses(model, batch).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    checkpoint.write(tmp_path / "c", model, optimizers, scaler, checkpoint.Progress(3, 1.5, 2, 9.0))
    other = train.new_model(config, 300)
    others = optimizers_for(other, config)
    other_scaler = torch.amp.GradScaler("cpu")
    assert checkpoint.read(tmp_path / "c", other, others, other_scaler) == checkpoint.Progress(3, 1.5, 2, 9.0)
    assert other_scaler.state_dict() == scaler.state_dict()
    for one, two in ((model, optimizers), (other, others)):
        train.token_losses(one, batch).sum().backward()
        for optimizer in two:
            optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


def test_presets_and_knobs() -> None:
    for preset in PRESETS:
        assert configure(preset, {"steps": "7", "learning_rate": "2e-4"}).learning_rate == 2e-4
    for wrong in (
        {"stepps": "7"}, {"steps": "many"}, {"steps": "0"}, {"width": "100"}, {"device": "tpu"}, {"optimizer": "sgd"},
        {"counted_embeddings": "yes"}, {"weight_decay": "-1"}, {"final_share": "nan"}, {"seed": "9" * 30},
    ):  # fmt: skip
        with pytest.raises(GuppyError) as error:
            configure("cpu", wrong)
        assert "\n" not in str(error.value)
    with pytest.raises(GuppyError, match="there are quick, cpu, release, gpu, plain"):
        configure("fast", {})


def test_layers_that_join_in_later_change_nothing_until_they_learn() -> None:
    """Untouched while the first layers learn alone, then adding exactly nothing, then learning."""
    config = TrainConfig(
        layers=3, shallow_layers=1, shallow_share=0.5, width=16, heads=2, feed_forward=16, vocabulary=300, steps=4
    )
    model = train.new_model(config, 300)
    optimizers = optimizers_for(model, config)
    batch = collate([Encoded([7, 8, 9, 10, 11], 2), Encoded([7, 9, 12], 2)])
    before = [weight.clone() for weight in model.blocks[1:].parameters()]
    for step in range(config.steps):
        if step == 2:
            assert all(torch.equal(a, b) for a, b in zip(before, model.blocks[1:].parameters(), strict=True))
            assert torch.equal(model.hidden(batch.ids), model.hidden(batch.ids, layers=1))
        train.token_losses(model, batch, train.depth(step, config)).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    changed = [not torch.equal(a, b) for a, b in zip(before, model.blocks[1:].parameters(), strict=True)]
    assert all(changed)


def test_an_overflow_in_half_the_gradients_moves_no_weight() -> None:
    """With fp16's scaled losses each optimizer would decide alone, and clipping has made all gradients NaN."""
    config = TrainConfig(layers=1, width=16, heads=2, feed_forward=16, vocabulary=300, shallow_share=0)
    model = train.new_model(config, 300)
    optimizers = optimizers_for(model, config)
    model.pos_emb.weight.register_hook(lambda gradient: gradient * torch.nan)
    before = [weight.clone() for weight in model.parameters()]
    how = precision.Precision(torch.device("cpu"), torch.float32, scaled=True, why="")
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    loss = train.update(model, optimizers, scaler, [Encoded([1, 2, 3, 4], 2)], 0, config, how, Team())
    assert loss == pytest.approx(math.log(300), rel=0.2)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert scaler.get_scale() == 32.0


def test_more_processes_than_conversations_in_a_batch_are_refused(small_run: Run, tmp_path: Path) -> None:
    """A process without a share would have no gradients, and the others would wait for it for ever."""
    tokenizer, rows = fast.load(small_run.tokenizer), [Encoded([7, 8, 9], 2)] * 16
    model, line = train.new_model(quick(), tokenizer.get_vocab_size()), records.ProgressLine(Console(quiet=True), 1)
    with pytest.raises(GuppyError, match="17 processes cannot share a batch of 16"):
        train.train(
            model, tokenizer, Batches([rows], 32, 1), rows, [], quick(batch="32"), Run(tmp_path), line, Team(0, 17)
        )


def test_word_dropout_takes_only_words_of_the_message_that_the_reply_does_not_repeat() -> None:
    row = Encoded([1, 2, 10, 11, 12, 13, 3, 4, 12, 20, 21], 8, range(2, 6))
    rng = random.Random(1)
    for _ in range(200):
        left = leave_out(row, 0.5, rng)
        assert left.ids[left.reply_starts :] == [12, 20, 21]
        assert left.ids[:2] == [1, 2]
        assert 12 in left.ids[2 : left.reply_starts]
        assert left.ids[left.reply_starts - 2 : left.reply_starts] == [3, 4]
    gone = [10 not in leave_out(row, 0.5, rng).ids for _ in range(1000)]
    assert 450 < sum(gone) < 550
    assert leave_out(row, 0.0, rng).ids == row.ids


def test_tokens_that_are_pulled_apart_spell_the_same_message(small_run: Run) -> None:
    tokenizer = fast.load(small_run.tokenizer)
    halves, rng = fast.merged_from(tokenizer), random.Random(1)
    [row] = encode_chats(tokenizer, ["do you prefer beetles or cheese"], ["cheese, if it is large."])
    reply = row.ids[row.reply_starts :]
    heard = [pull_apart(row, halves, share, rng) for share in (0.0, *[0.3] * 50, 1.0)]
    for one in heard:
        assert tokenizer.decode(one.ids, skip_special_tokens=False) == tokenizer.decode(row.ids, False)
        assert one.ids[one.reply_starts :] == reply
        assert [one.ids[i] for i in (one.message.start - 1, one.message.stop)] == [
            row.ids[i] for i in (row.message.start - 1, row.message.stop)
        ]
    assert heard[0].ids == row.ids
    assert len({tuple(one.ids) for one in heard}) > 30
    assert all(heard[-1].ids[i] in reply or heard[-1].ids[i] not in halves for i in heard[-1].message)
    assert set(reply) & {row.ids[i] for i in row.message} <= set(heard[-1].ids[: row.reply_starts])

    [long] = encode_chats(tokenizer, ["cheese " * 300], ["hoo."])
    assert pull_apart(long, halves, 1.0, rng) == long, "there is no room for more tokens"


def test_messages_are_heard_in_another_way_each_time_unless_they_are_to_stay_as_they_are(small_run: Run) -> None:
    tokenizer = fast.load(small_run.tokenizer)
    rows = encode_chats(tokenizer, ["what tastes good to an owl"] * 40, ["hoo."] * 40)
    assert hearing(quick(), tokenizer) is None
    for setting in ("word_dropout", "merge_dropout"):
        batches = Batches([rows], 40, 1, hear=hearing(quick(**{setting: "0.3"}), tokenizer))
        first, second = ([tuple(row.ids) for row in batches.rows(step)] for step in (0, 1))
        assert len(set(first)) > 10
        assert first != second
        assert first == [tuple(row.ids) for row in batches.rows(0)]


def test_the_message_of_an_encoded_chat_is_what_the_person_said(small_run: Run) -> None:
    tokenizer = fast.load(small_run.tokenizer)
    for said in ("hi", "where is my dinner", "word " * 300):
        [row] = encode_chats(tokenizer, [said], ["hoo."])
        words = tokenizer.decode([row.ids[i] for i in row.message]).strip()
        assert words
        assert said.strip().endswith(words)


def test_every_epoch_has_conversations_of_its_own_and_none_has_a_held_out_prompt(tmp_path: Path) -> None:
    place, config = Run(tmp_path / "run"), quick(batch="100", steps="14", conversations="600", drawings="2")
    prepare(schema.load(write_persona(tmp_path / "owl")), place, config, Console(quiet=True))
    assert place.all_train_data == [place.train_data(1), place.train_data(2)]
    held_out = {one.input for one in generate.read(place.eval_data)}
    drawings = [[one.to_json() for one in generate.read(file)] for file in place.all_train_data]
    assert all(len(drawing) == 540 for drawing in drawings)
    assert drawings[0] != drawings[1]
    assert not held_out & {one.input for file in place.all_train_data for one in generate.read(file)}
    fewer = quick(batch="100", steps="5", conversations="600", drawings="2")
    assert fewer.drawings_used == 1


def test_several_processes_draw_what_one_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux a process for each drawing; elsewhere one draws them all."""
    persona, drawn = schema.load(write_persona(tmp_path / "owl")), []
    for platform in ("linux", "darwin"):
        place = Run(tmp_path / platform)
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("sys.platform", platform)
            prepare(persona, place, quick(batch="100", steps="14", drawings="2"), Console(quiet=True))
        drawn.append([file.read_bytes() for file in (place.eval_data, *place.all_train_data)])
    assert len(drawn[0]) == 3
    assert drawn[0] == drawn[1]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere one process draws")
def test_a_drawing_process_that_is_ended_is_told_and_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Run(tmp_path / "run")
    monkeypatch.setattr("guppylm.persona.generate.write", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(GuppyError, match="memory"):
        prepare(schema.load(write_persona(tmp_path / "owl")), place, quick(), Console(quiet=True))
    assert not multiprocessing.active_children()
    monkeypatch.undo()
    prepare(schema.load(write_persona(tmp_path / "owl")), place, quick(), Console(quiet=True))
    assert len(list(generate.read(place.train_data()))) == 540


def test_written_weights_fit_into_16_bits(small_run: Run) -> None:
    written = load_file(small_run.weights)
    assert all(weight.dtype == torch.float32 for weight in written.values())
    assert all(torch.equal(weight, weight.half().float()) for weight in written.values())


def test_the_first_words_of_a_reply_weigh_more() -> None:
    weights = train.weigh(torch.arange(10), 2.0)
    assert weights[0] == 3
    assert all(a > b for a, b in itertools.pairwise(weights.tolist()))
    assert weights[-1] < 1.05
    batch = collate([Encoded([9, 9, 1, 2, 3], 2), Encoded([9, 4, 5], 1)])
    assert sorted(batch.places.tolist()) == [0, 0, 1, 1, 2]
    assert batch.targets[batch.places == 0].tolist() == [1, 4]
