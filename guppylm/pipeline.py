"""The whole road, stage by stage: persona -> conversations -> tokenizer -> model -> report card.

A run that was stopped anywhere goes on where it was: every stage leaves its result in the run folder.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from tokenizers import Tokenizer

from guppylm import chat, data, embeddings, precision, records, weights
from guppylm import train as train_loop
from guppylm.config import TrainConfig
from guppylm.evaluate import card as report_card
from guppylm.evaluate import model_card
from guppylm.persona import generate, schema
from guppylm.persona.schema import Persona
from guppylm.prepare import check_room, prepare
from guppylm.processes import Team, join
from guppylm.run import Run, alone, claim, training_data
from guppylm.tokenizer import fast


def train(place: Run, persona: Persona, config: TrainConfig, console: Console, team: Team) -> bool:
    """The model, in the run folder. False if it was stopped before the end."""
    tokenizer: Tokenizer = fast.load(place.tokenizer)
    drawings = [data.encode_all(tokenizer, generate.read(file), chat.CONTEXT) for file in training_data(place, config)]
    held_out = data.encode_all(tokenizer, generate.read(place.eval_data), chat.CONTEXT)
    model = train_loop.new_model(config, tokenizer.get_vocab_size())
    if config.counted_embeddings and not place.checkpoint.exists():
        embeddings.begin(model.tok_emb.weight, drawings[0], fast.thoughts(tokenizer))
    if team.leads:
        weights.write_config(place, model.config, tokenizer)
    batches = data.Batches(drawings, config.batch, config.seed, config.sorted_together, data.hearing(config, tokenizer))
    line = records.ProgressLine(console, every=50)
    prompts = list(persona.prompts)
    done = train_loop.train(model, tokenizer, batches, held_out, prompts, config, place, line, team)
    if team.leads and done:
        records.draw_curve(place.metrics, place.curve, config.loss_on)
    return done


def whole_road(persona_folder: Path, place: Run, config: TrainConfig, console: Console) -> bool:
    """Text files in, trained and measured model out. False if it was stopped; the same call goes on."""
    began = time.perf_counter()
    persona = schema.load(persona_folder)
    check_room(persona, config)
    with (
        join(precision.choose_device(config.device)) as team,
        claim(persona_folder, place, config) if team.leads else nullcontext(),
    ):
        if team.leads:
            prepare(persona, place, config, console)
        team.wait()
        done = train(place, persona, config, console, team)
    if team.leads and not done:
        console.print("stopped; the same command, without --restart, goes on from here")
    elif team.leads:
        took = records.duration(time.perf_counter() - began)
        console.print(f"trained, {took} after the start; now the report card, a minute or two", highlight=False)
        with alone(place):
            card = report_card.measure(place, persona)
            report_card.write(place, card)
            model_card.write(place)
        report_card.show(card, console)
    return done
