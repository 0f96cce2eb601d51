"""The first half of the road, without PyTorch: persona -> conversations -> tokenizer.

Every stage leaves its result in the run folder and is skipped if it is there already.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from rich.console import Console
from tokenizers import Tokenizer

from guppylm import chat, files
from guppylm.config import TrainConfig
from guppylm.errors import GuppyError
from guppylm.persona import generate, report
from guppylm.persona.schema import Persona
from guppylm.persona.split import Split, split
from guppylm.records import duration
from guppylm.run import Run
from guppylm.tokenizer import fast


def prepare(persona: Persona, place: Run, config: TrainConfig, console: Console) -> None:
    """Conversations and tokenizer, in the run folder."""
    drawings = {place.train_data(number): number for number in range(1, config.drawings_used + 1)}
    missing = [file for file in (place.eval_data, *drawings) if not file.exists()]
    if missing:
        began = time.perf_counter()
        draw_all(split(persona, config.seed), {file: drawings.get(file) for file in missing}, config)
        made = sum(config.training if file in drawings else config.held_out for file in missing)
        took = duration(time.perf_counter() - began)
        console.print(f"{made:,} conversations in {took}; the first {config.conversations:,}:", highlight=False)
        report.show(report.measure(persona, place.train_data(), place.eval_data), console)
    if not place.tokenizer.exists():
        began = time.perf_counter()
        thoughts = persona.thoughts if config.thoughts else []
        tokenizer = fast.train(training_texts(place), config.vocabulary, thoughts)
        write_tokenizer(place, tokenizer)
        took = duration(time.perf_counter() - began)
        console.print(f"tokenizer of {tokenizer.get_vocab_size():,} entries in {took}", highlight=False)


def check_room(persona: Persona, config: TrainConfig) -> None:
    """Whether the character's thoughts fit into the vocabulary; best asked before anything is written."""
    thoughts = len(persona.thoughts) if config.thoughts else 0
    if (least := thoughts + fast.SMALLEST) > config.vocabulary:
        raise GuppyError(
            f"vocabulary must be at least {least:,} for the {thoughts:,} thoughts of {persona.name}, "
            f"not {config.vocabulary:,}; or set thoughts=false"
        )


def draw_all(parts: Split, wanted: dict[Path, int | None], config: TrainConfig) -> None:
    """Write the files, each with the drawing that its number says; without a number, the held-out conversations."""
    tasks = [(file, drawing, config) for file, drawing in wanted.items()]
    if sys.platform != "linux":  # elsewhere a new process begins empty, and runs the program that started it once more
        _know(parts)
        for task in tasks:
            _draw(*task)
        return
    processes = min(len(tasks), len(os.sched_getaffinity(0)))
    fork = multiprocessing.get_context("fork")  # each process has the character at once
    with ProcessPoolExecutor(processes, fork, _begin_process, (parts,)) as pool:
        try:
            list(pool.map(_draw, *zip(*tasks, strict=True)))
        except BrokenProcessPool:
            raise GuppyError(
                "the system ended a process that was drawing conversations, as it does when memory runs out; "
                "close other programs and run the same command again, or draw fewer with --set conversations=N"
            ) from None
        except KeyboardInterrupt:  # at any other error, those in work end their files or clean up first
            for process in multiprocessing.active_children():
                process.kill()
            raise


END_WITH_PARENT = 1  # PR_SET_PDEATHSIG, https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html

_parts: Split  # of the character that this process draws from


def _know(parts: Split) -> None:
    global _parts
    _parts = parts


def _begin_process(parts: Split) -> None:
    _know(parts)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for this one
    ctypes.CDLL(None).prctl(END_WITH_PARENT, signal.SIGKILL)  # two writers of one file would spoil it


def _draw(file: Path, drawing: int | None, config: TrainConfig) -> None:
    if drawing is None:
        chats = generate.conversations(_parts, "held_out", config.held_out, config.seed)
    else:
        chats = generate.conversations(_parts, "train", config.training, config.seed, drawing)
    generate.write(file, chats)


def training_texts(place: Run) -> Iterator[str]:
    """What the tokenizer learns from: the training split, as it stands between the special tokens."""
    for one in generate.read(place.train_data()):
        yield from chat.segments(one.input, one.output)


def write_tokenizer(place: Run, tokenizer: Tokenizer) -> None:
    """tokenizer.json and what transformers wants beside it."""
    files.write_json(
        place.folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "pad_token": fast.PAD,
            "unk_token": fast.PAD,  # never used, since every byte is known; but CTranslate2 crashes on null
            "bos_token": fast.START,
            "eos_token": fast.END,
            "add_bos_token": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": chat.CONTEXT,
            # without this, transformers adds token_type_ids, which GPT-2 takes for embeddings: wrong replies
            "model_input_names": ["input_ids", "attention_mask"],
            "chat_template": chat.TEMPLATE,
        },
    )
    files.write_bytes(place.tokenizer, tokenizer.to_str().encode())  # last: the stage is done when it is there
