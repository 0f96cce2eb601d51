"""The command line: a table of commands. What each does lives in the module that it calls."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from guppylm import options
from guppylm.bench.cli import app as bench
from guppylm.errors import GuppyError, MissingExtra
from guppylm.options import AsJson, Knobs, Out, PersonaPath, Preset, Restart, RunPath

app = typer.Typer(
    help="A language model that you can build from scratch and see through.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(bench, name="bench")


@app.command()
def chat(
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", help="A run or an exported folder; else runs/guppy, else the Guppy that came along."),
    ] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", "-p", help="Answer this one message.")] = None,
    examples: Annotated[bool, typer.Option(help="Answer six of the character's own example messages.")] = False,
    temperature: Annotated[float | None, typer.Option(help="How freely it speaks; 0 is greedy.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw among this many likeliest tokens.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw among the tokens that make up this share.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same replies.")] = None,
) -> None:
    """Talk to a trained character. Without a terminal: standard input, one message a line."""
    from guppylm import talk
    from guppylm.sample import Sampling

    given = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
    sampling = Sampling(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    name, prompts, speak = _open(model)
    if prompt is not None:
        talk.answer(speak, prompt, sampling)
    elif examples:
        talk.examples(speak, name, prompts[:6], sampling)
    elif sys.stdin.isatty():
        talk.converse(speak, name, sampling, Console())
    else:
        talk.lines(speak, sampling)


@app.command()
def data(
    persona: PersonaPath,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for train.jsonl and eval.jsonl.")] = Path("data"),
    conversations: Annotated[int, typer.Option("--conversations", "-n", min=2)] = 60_000,
    held_out: Annotated[int, typer.Option(min=1, help="How many of them are held out.")] = 3_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same conversations.")] = 1,
    by_topic: Annotated[bool, typer.Option("--report", help="Also list the topics, the least varied first.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a character's conversations, and report how varied they are."""
    from guppylm.persona import generate, report, schema
    from guppylm.persona.split import split

    if held_out >= conversations:
        raise GuppyError(f"--held-out {held_out} leaves nothing of {conversations} conversations to train on")
    loaded = schema.load(persona)
    train_file, eval_file = out / "train.jsonl", out / "eval.jsonl"
    parts = split(loaded, seed)
    generate.write(train_file, generate.conversations(parts, "train", conversations - held_out, seed))
    generate.write(eval_file, generate.conversations(parts, "held_out", held_out, seed))
    variety = report.measure(loaded, train_file, eval_file)
    topics = report.by_topic(loaded, train_file) if by_topic else []
    told = variety.to_json() | ({"by_topic": [asdict(topic) for topic in topics]} if by_topic else {})
    if not options.told(told, as_json):
        report.show(variety, Console())
        if topics:
            report.show_topics(topics, Console())


@app.command()
def check(
    persona: PersonaPath,
    confusable: Annotated[
        bool, typer.Option("--confusable", help="Also list wordings that read like another topic.")
    ] = False,
) -> None:
    """Look for faults in a character's texts; exit 1 if there are any."""
    from guppylm.persona import check as checker
    from guppylm.persona import schema

    loaded = schema.load(persona)
    if confusable:
        try:
            from guppylm.evaluate import confusable as classifier
        except ImportError:
            raise MissingExtra("scikit-learn", "train") from None

        for line in classifier.report(loaded):
            print(line)
    faults = list(checker.check(loaded))
    for fault in faults:
        print(fault)
    print(
        f"{loaded.name}: {len(loaded.topics)} topics, {len(loaded.exchanges)} exchanges, "
        f"{sum(len(e.say) for e in loaded.exchanges):,} prompt and "
        f"{sum(len(e.reply) for e in loaded.exchanges):,} reply templates; {len(faults)} faults"
    )
    if faults:
        raise typer.Exit(1)


@app.command()
def prepare(
    persona: PersonaPath = Path("personas/guppy"),
    out: Out = None,
    preset: Preset = "cpu",
    knobs: Knobs = None,
    restart: Restart = False,
) -> None:
    """The first half of `train`: conversations and tokenizer, no PyTorch needed."""
    from guppylm.persona import schema
    from guppylm.prepare import prepare
    from guppylm.run import claim

    config, place = options.configure(preset, knobs), options.place(persona, out, restart)
    loaded = schema.load(persona)
    with claim(persona, place, config):
        prepare(loaded, place, config, Console())


@app.command()
def train(
    persona: PersonaPath = Path("personas/guppy"),
    out: Out = None,
    preset: Preset = "cpu",
    knobs: Knobs = None,
    restart: Restart = False,
    as_json: AsJson = False,
) -> None:
    """From text files to a trained, measured model. Run it again to go on after a stop."""
    options.needs_torch()
    from guppylm import files, pipeline

    config, place = options.configure(preset, knobs), options.place(persona, out, restart)
    if not pipeline.whole_road(persona, place, config, Console(stderr=as_json)):
        raise typer.Exit(130)
    if as_json and options.leads():
        print(json.dumps(files.read_json(place.report), ensure_ascii=False))


@app.command("eval")
def evaluate(
    run: RunPath = Path("runs/guppy"),
    replies: Annotated[int, typer.Option(min=1, help="How many held-out prompts to answer.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """Measure a run on prompts that it has never seen: the report card."""
    options.needs_torch()
    from guppylm.evaluate import card, model_card
    from guppylm.run import Run

    result = card.measure(Run(run), replies)
    card.write(Run(run), result)
    model_card.write(Run(run))
    if not options.told(result.to_json(), as_json):
        card.show(result, Console())


@app.command()
def gallery(run: RunPath = Path("runs/guppy")) -> None:
    """One exchange a topic: the first held-out prompt of each, answered greedily, as a Markdown table."""
    options.needs_torch()
    from guppylm.evaluate.gallery import as_table, gallery
    from guppylm.run import Run

    print(as_table(gallery(Run(run))))


@app.command()
def export(
    run: RunPath = Path("runs/guppy"),
    to: Annotated[
        str, typer.Option("--to", help="hf, safetensors (fp16), onnx, gguf, ctranslate2, mlx; docs/engines.md.")
    ] = "onnx-8bit",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The folder to write; else RUN/FORMAT.")] = None,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Don't start the engine to compare.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a model for another engine, once it has been seen to give the same replies."""
    options.needs_torch()
    from guppylm.export import formats
    from guppylm.run import Run

    folder = out or run / to
    found = formats.export(Run(run), folder, to, check=not unchecked)
    if not options.told({"folder": str(folder), **(found.to_json() if found else {})}, as_json):
        if found:
            found.show(Console())
        print(f"written to {folder}")


def _open(folder: Path | None) -> Any:
    """A character's name, its example prompts, and the function that speaks for it."""
    from guppylm import runtime

    if folder is None:
        trained = Path("runs/guppy")
        folder = trained if (trained / "model.safetensors").exists() else runtime.SHIPPED
    if (folder / runtime.MODEL).exists():
        character = runtime.load(folder)
        return character.name, character.prompts, character.stream
    options.needs_torch()
    from guppylm import generate, weights
    from guppylm.persona import schema
    from guppylm.run import Run

    place = Run(folder)
    model = weights.read_model(place)
    tokenizer = weights.read_tokenizer(place, model.config)
    head = schema.head(place.persona)
    return head.name, head.prompts, lambda message, how: generate.stream(model, tokenizer, message, how)


def main() -> None:
    """Run a command; a GuppyError becomes one line on standard error."""
    try:
        app()
    except GuppyError as error:
        print(f"guppylm: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `guppylm chat | head -1`
        sys.stderr.close()
        sys.exit(0)
