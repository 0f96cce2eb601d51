"""The command line: a table of commands. What each does lives in the module that it calls."""

from __future__ import annotations

import gc
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from guppylm import options
from guppylm.bench.cli import app as bench
from guppylm.errors import GuppyError, MissingExtra, needs_torch
from guppylm.options import (
    AsJson,
    Knobs,
    Out,
    PersonaPath,
    Preset,
    Restart,
    RunPath,
    Seed,
    Temperature,
    TopK,
    TopP,
)  # fmt: skip

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
        typer.Option(
            "--model",
            "-m",
            help="A run, or what export --to onnx wrote; else runs/guppy, or the package's Guppy.",
        ),
    ] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", "-p", help="Answer this one message.")] = None,
    examples: Annotated[bool, typer.Option(help="Answer six of the character's own example messages.")] = False,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
) -> None:
    """Talk to a trained character. Without a terminal: standard input, one message a line."""
    from guppylm import talk

    sampling = options.sampling(temperature, top_k, top_p, seed)
    name, prompts, speak = talk.meet(model)
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
    from guppylm.prepare import check_room, prepare
    from guppylm.run import claim

    config, place = options.configure(preset, knobs), options.place(persona, out, restart)
    loaded = schema.load(persona)
    check_room(loaded, config)
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
    needs_torch()
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
    needs_torch()
    from guppylm.evaluate import card, model_card
    from guppylm.persona import schema
    from guppylm.run import Run, alone

    place = Run(run)
    persona = schema.load(place.persona)
    with alone(place):
        result = card.measure(place, persona, replies)
        card.write(place, result)
        model_card.write(place)
    if not options.told(result.to_json(), as_json):
        card.show(result, Console())


@app.command()
def gallery(run: RunPath = Path("runs/guppy")) -> None:
    """One exchange a topic: the first held-out prompt of each, answered greedily, as a Markdown table."""
    needs_torch()
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
    needs_torch()
    from guppylm.export import formats
    from guppylm.run import Run

    folder = out or run / to
    found = formats.export(Run(run), folder, to, check=not unchecked)
    if not options.told({"folder": str(folder), **(found.to_json() if found else {})}, as_json):
        if found:
            found.show(Console())
        print(f"written to {folder}")


@app.command()
def explain(
    run: Annotated[Path, typer.Argument(help="The run folder.")],
    text: Annotated[str, typer.Argument(help="The message.")],
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """How each word of a reply was chosen, what happened inside, and where the words come from."""
    needs_torch()
    from guppylm.explain import show
    from guppylm.explain.explain import explain
    from guppylm.run import Run

    told = explain(Run(run), text, options.sampling(temperature, top_k, top_p, seed))
    if not options.told(told.to_json(), as_json):
        show.show(told, Console())


@app.command("page")
def web_page(
    run: RunPath = Path("runs/guppy"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the page here, for any static host.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Serve here; else 8000, or any free one.")] = None,
) -> None:
    """A web page on a run: chat with it and watch it think. Served on this machine, or written to a folder."""
    needs_torch()
    from guppylm.explain import page, serve
    from guppylm.run import Run

    console = Console(stderr=True)
    if out is not None:
        page.write(Run(run), out, page.BUILT, say=console.print)
        print(f"written to {out}")
        return
    with tempfile.TemporaryDirectory() as folder:
        page.write(Run(run), Path(folder) / "page", page.BUILT, check=False, say=console.print)
        serve.serve(Path(folder) / "page", port)


@app.command()
def push(
    run: RunPath = Path("runs/guppy"),
    model_repo: Annotated[str | None, typer.Option("--model-repo", help="OWNER/NAME for the model.")] = None,
    dataset_repo: Annotated[str | None, typer.Option("--dataset-repo", help="OWNER/NAME for the data.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only write the folders, to -o.")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="With --dry-run: an empty or new folder.")] = None,
    private: Annotated[bool, typer.Option("--private", help="New repositories are for you alone.")] = False,
    unchecked: Annotated[bool, typer.Option("--unchecked", help="Don't start the engines to compare.")] = False,
) -> None:
    """Share a run and its conversations on the Hugging Face Hub. Run it again to go on after a stop."""
    if dry_run != (out is not None):
        raise GuppyError("--dry-run and -o FOLDER belong together")
    needs_torch()
    from guppylm.hub import push as hub
    from guppylm.run import Run

    for place in hub.push(Run(run), model_repo, dataset_repo, out, private=private, check=not unchecked):
        print(place)


@app.command()
def download(
    repo: Annotated[str, typer.Argument(help="OWNER/NAME on the Hugging Face Hub.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The folder to make; else NAME.")] = None,
) -> None:
    """Fetch a model that somebody has pushed. Run it again to go on after a stop."""
    from guppylm.hub import download as hub

    folder = out or Path(repo.rsplit("/", 1)[-1])
    hub.download(repo, folder)
    print(f"written to {folder}; talk to it with  guppylm chat --model {folder}")


def main() -> None:
    """Run a command; a GuppyError becomes one line on standard error."""
    gc.set_threshold(100_000)  # a character is a million objects that stay; the search for rubbish took half the time
    try:
        app()
    except GuppyError as error:
        print(f"guppylm: {error}", file=sys.stderr)
        sys.exit(1)
