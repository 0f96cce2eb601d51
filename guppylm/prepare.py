"""The first half of the road, without PyTorch: persona -> conversations -> tokenizer.

Every stage leaves its result in the run folder and is skipped if it is there already.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.console import Console
from tokenizers import Tokenizer

from guppylm import chat, files
from guppylm.config import TrainConfig
from guppylm.persona import generate, report
from guppylm.persona.schema import Persona
from guppylm.persona.split import split
from guppylm.records import duration
from guppylm.run import Run
from guppylm.tokenizer import fast


def prepare(persona: Persona, place: Run, config: TrainConfig, console: Console) -> None:
    """Conversations and tokenizer, in the run folder."""
    parts, seed = split(persona, config.seed), config.seed
    drawn = {
        place.train_data(number): generate.conversations(parts, "train", config.training, seed, number)
        for number in range(1, config.drawings_used + 1)
    }
    drawn[place.eval_data] = generate.conversations(parts, "held_out", config.held_out, seed)
    if not all(file.exists() for file in drawn):
        began = time.perf_counter()
        for file, chats in drawn.items():
            if not file.exists():
                generate.write(file, chats)
        made = config.held_out + config.training * config.drawings_used
        took = duration(time.perf_counter() - began)
        console.print(f"{made:,} conversations in {took}; the first {config.conversations:,}:", highlight=False)
        report.show(report.measure(persona, place.train_data(), place.eval_data), console)
    if not place.tokenizer.exists():
        began = time.perf_counter()
        tokenizer = fast.train(training_texts(place), config.vocabulary)
        write_tokenizer(place, tokenizer)
        took = duration(time.perf_counter() - began)
        console.print(f"tokenizer of {tokenizer.get_vocab_size():,} entries in {took}", highlight=False)


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
