"""Byte-level byte-pair encoding, to be read. `fast.py` makes the same merges and is used.

A text becomes UTF-8 bytes. Training looks for the pair of neighbouring tokens that occurs most often,
makes it one new token, and looks again. Encoding replays the merges in the order they were learned.

    >>> merges = train({"flake": 3, "lake": 2}, merges=2)
    >>> [(a.decode(), b.decode()) for a, b in merges]
    [('a', 'k'), ('l', 'ak')]
    >>> encode_word(b"fake", merges)
    [b'f', b'ak', b'e']

Sources: Sennrich et al. 2016 (https://arxiv.org/abs/1508.07909) for BPE; Radford et al. 2019, section
2.2 (the GPT-2 paper) for starting from bytes and for the way text is cut into words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

import regex

from guppylm.persona.schema import normal

Merges = list[tuple[bytes, bytes]]

# GPT-2's cut: a word keeps the space before it; letters, digits and signs never share a token.
WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

# GPT-2's alphabet gives each byte a visible character. Where two pairs are equally frequent, the library
# takes the one whose tokens have the lower ids, and ids of single bytes follow these characters.
_VISIBLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
BYTE_TO_CHARACTER = {byte: chr(byte) for byte in _VISIBLE} | {
    byte: chr(0x100 + rank) for rank, byte in enumerate(b for b in range(256) if b not in _VISIBLE)
}
BYTE_ORDER = sorted(range(256), key=BYTE_TO_CHARACTER.__getitem__)


def count_words(texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs: merges never cross words, so the words are all that training needs."""
    words: Counter[str] = Counter()
    for text in texts:
        words.update(WORDS.findall(normal(text)))
    return words


def train(words: Mapping[str, int], merges: int) -> Merges:
    """Learn up to `merges` merges from word counts. Stops when no pair occurs twice."""
    split = {word: [bytes([byte]) for byte in word.encode()] for word in words}
    ids = {bytes([byte]): rank for rank, byte in enumerate(BYTE_ORDER)}
    pairs: Counter[tuple[bytes, bytes]] = Counter()
    where: dict[tuple[bytes, bytes], set[str]] = {}
    for word in words:
        _count(split[word], words[word], pairs, where, word)
    learned: Merges = []
    while len(learned) < merges and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], ids[pair[0]], ids[pair[1]]))
        if pairs[best] < 2:
            break
        learned.append(best)
        ids.setdefault(best[0] + best[1], len(ids))
        for word in where.pop(best):
            _count(split[word], -words[word], pairs, where, word)
            split[word] = _merge(split[word], best)
            _count(split[word], words[word], pairs, where, word)
        del pairs[best]
    return learned


def _count(
    tokens: list[bytes],
    times: int,
    pairs: Counter[tuple[bytes, bytes]],
    where: dict[tuple[bytes, bytes], set[str]],
    word: str,
) -> None:
    for pair in pairwise(tokens):
        pairs[pair] += times
        if times > 0:
            where.setdefault(pair, set()).add(word)


def _merge(tokens: list[bytes], pair: tuple[bytes, bytes]) -> list[bytes]:
    merged: list[bytes] = []
    for token in tokens:
        if merged and (merged[-1], token) == pair:
            merged[-1] += token
        else:
            merged.append(token)
    return merged


def encode_word(word: bytes, merges: Merges) -> list[bytes]:
    """Replay the merges on one word, earliest first."""
    tokens = [bytes([byte]) for byte in word]
    rank = {pair: number for number, pair in enumerate(merges)}
    while len(tokens) > 1:
        pair = min(pairwise(tokens), key=lambda p: rank.get(p, len(rank)))
        if pair not in rank:
            break
        tokens = _merge(tokens, pair)
    return tokens


def encode(text: str, merges: Merges) -> list[bytes]:
    """The tokens of a text, as the bytes they stand for. Joined, they are the normalised text."""
    return [token for word in WORDS.findall(normal(text)) for token in encode_word(word.encode(), merges)]
