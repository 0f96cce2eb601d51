"""The commands of `guppylm bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from guppylm import options
from guppylm.errors import needs_torch
from guppylm.options import AsJson, Knobs, PersonaPath, Preset, RunPath

app = typer.Typer(help="Speed on this machine, measured side by side.", no_args_is_help=True)


@app.command()
def train(
    run: RunPath = Path("runs/plain"), preset: Preset = "cpu", knobs: Knobs = None, as_json: AsJson = False
) -> None:
    """A recipe against the one that made RUN (guppylm train --preset plain): the time to the same held-out loss."""
    needs_torch()
    from guppylm.bench import race
    from guppylm.run import Run, alone

    with alone(Run(run)):
        result = race.race(Run(run), options.configure(preset, knobs), Console(stderr=as_json))
    if not options.told(result.to_json(), as_json):
        race.show(result, Console())


@app.command()
def step(
    run: RunPath = Path("runs/guppy"),
    preset: Preset = "cpu",
    knobs: Knobs = None,
    whole: Annotated[bool, typer.Option("--whole", help="All layers learn, as at the end of a training.")] = False,
    as_json: AsJson = False,
) -> None:
    """Where the time of one update goes, and what share of the machine's power it uses."""
    needs_torch()
    from guppylm.bench import step
    from guppylm.run import Run

    config = options.configure(preset, [*(knobs or []), *(["shallow_share=0"] if whole else [])])
    result = step.measure(Run(run), config)
    if not options.told(result.to_json(), as_json):
        step.show(result, Console())


@app.command()
def chat(
    run: RunPath = Path("runs/guppy"),
    replies: Annotated[int, typer.Option(min=1, help="How many messages to answer.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Replies and tokens a second, time to the first token, memory."""
    needs_torch()
    from guppylm.bench import chat
    from guppylm.run import Run

    result = chat.measure(Run(run), replies)
    if not options.told(result.to_json(), as_json):
        chat.show(result, Console())


@app.command()
def engines(
    run: RunPath = Path("runs/guppy"),
    replies: Annotated[int, typer.Option(min=1, help="How many messages each engine answers.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Every export format in its engine, if that is installed: speed, memory, size, agreement with PyTorch."""
    needs_torch()
    from guppylm.bench import engines
    from guppylm.run import Run

    result = engines.measure(Run(run), replies, Console(stderr=True))
    if not options.told(result.to_json(), as_json):
        print(engines.as_table(result))


@app.command()
def data(
    persona: PersonaPath = Path("personas/guppy"),
    conversations: Annotated[int, typer.Option("--conversations", "-n", min=20_000)] = 60_000,
    as_json: AsJson = False,
) -> None:
    """Time and memory to make conversations and to encode them."""
    from guppylm.bench import data
    from guppylm.persona import schema

    result = data.measure(schema.load(persona), conversations)
    if not options.told(result.to_json(), as_json):
        data.show(result, Console())


@app.command()
def scale(
    run: RunPath = Path("runs/guppy"),
    picture: Annotated[Path, typer.Option("--picture", help="Where to draw the curves.")] = Path("scale.png"),
    knobs: Knobs = None,
    as_json: AsJson = False,
) -> None:
    """What size costs: parameters, conversations, processes. Takes some minutes."""
    needs_torch()
    from guppylm import chat
    from guppylm import data as token_data
    from guppylm.bench import scale
    from guppylm.persona import generate, schema
    from guppylm.run import Run
    from guppylm.tokenizer import fast

    place = Run(run)
    tokenizer, persona = fast.load(place.tokenizer), schema.load(place.persona)
    rows = token_data.encode_all(tokenizer, generate.read(place.train_data()), chat.CONTEXT)
    config = options.configure("cpu", knobs)
    result = scale.measure(place.persona, persona, rows, tokenizer.get_vocab_size(), config)
    if not options.told(result.to_json(), as_json):
        scale.show(result, Console())
    scale.draw(result, picture)
