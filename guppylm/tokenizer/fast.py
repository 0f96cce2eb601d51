"""The tokenizer that is used: byte-level BPE of the `tokenizers` library, saved as tokenizer.json.

NFC + lowercase, the whole byte alphabet (no character of any script can vanish), three special tokens for the chat, and
one for each thought.
`reference.py` does the same in code that can be read; a test proves the merges equal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from guppylm.errors import RunError

PAD, START, END = SPECIAL = ("<|pad|>", "<|im_start|>", "<|im_end|>")
THOUGHT = "<|thought:"
VOCABULARY = 4096
SMALLEST = 256 + len(SPECIAL)  # every byte, and the chat's tokens

_RUN_OF_BLANKS = re.compile(r"\s\s")  # more than the space before a word: a text with such a run is cut as a whole


def train(texts: Iterable[str], vocabulary: int = VOCABULARY, thoughts: Iterable[str] = ()) -> Tokenizer:
    """Learn a tokenizer of at most `vocabulary` entries; fewer if no further pair occurs twice."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[*SPECIAL, *map(thought, thoughts)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return plain_text_only(tokenizer)


def load(file: Path) -> Tokenizer:
    """Read a tokenizer.json. Raises RunError when it is missing, broken or lacks the chat's tokens."""
    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises bare Exception for every cause
        raise RunError(f"{file}: no usable tokenizer ({error}); train again, or copy the file anew") from None
    missing = [token for token in (START, END) if tokenizer.token_to_id(token) is None]
    if missing:
        raise RunError(f"{file}: the tokenizer has no {missing[0]}, so it cannot hold a chat; is it another model's?")
    entries = tokenizer.get_vocab()
    if sorted(entries.values()) != list(range(len(entries))):
        raise RunError(f"{file}: its token ids are not 0 to {len(entries) - 1}; it is broken, copy the file anew")
    return plain_text_only(tokenizer)


def thought(name: str) -> str:
    """The special token by which the model tells itself what it has understood. It is no text, so nobody hears it."""
    return f"{THOUGHT}{name}|>"


def thoughts(tokenizer: Tokenizer) -> dict[int, str]:
    """The ids of the thoughts that a tokenizer knows, and their names."""
    special = {id: token.content for id, token in tokenizer.get_added_tokens_decoder().items()}
    return {id: mark.removeprefix(THOUGHT)[:-2] for id, mark in special.items() if mark.startswith(THOUGHT)}


def special_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of a special token, which `load` and `train` have made sure of."""
    found = tokenizer.token_to_id(token)
    assert found is not None
    return found


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> list[list[int]]:
    """The ids of many texts. No merge crosses the space before a word, so a word is always cut the same way: each is
    cut once and remembered. Half a surrogate pair is no character and becomes a question mark.
    """

    @cache
    def cut(text: str) -> list[int]:
        whole = text.encode(errors="replace").decode()
        return tokenizer.encode(whole, add_special_tokens=False).ids

    def by_words(text: str) -> list[int]:
        first, *others = text.split(" ")
        return [token for word in (first, *(" " + other for other in others)) for token in cut(word)]

    return [cut(text) if _RUN_OF_BLANKS.search(text) else by_words(text) for text in texts]


def merged_from(tokenizer: Tokenizer) -> dict[int, tuple[int, int]]:
    """For each token that a merge has made, the two that it was made of."""
    model = json.loads(tokenizer.to_str())["model"]
    ids = model["vocab"]
    return {ids[left + right]: (ids[left], ids[right]) for left, right in reversed(model["merges"])}


def plain_text_only(tokenizer: Tokenizer) -> Tokenizer:
    """From now on, text that looks like a special token is encoded as the characters it is."""
    tokenizer.encode_special_tokens = True
    return tokenizer
