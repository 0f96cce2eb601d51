"""What people put around a message, and how they type it. All of it drawn at random, so nobody has to write it out.

In training and in the exam: an opener, a closer, a final mark or none, lost apostrophes. In training only: an aside in
front ("i am home early. are you hungry") or a whole ramble, another message in front (the fish answers the last one),
slips of the fingers, abbreviations, spaces lost, marks typed twice, emoji.
"""

from __future__ import annotations

import random
import re

from guppylm.persona.match import plain
from guppylm.persona.schema import Persona
from guppylm.persona.template import fill, pick

OPENED, CLOSED, PUNCTUATED, APOSTROPHE_LOST = 0.20, 0.12, 0.45, 0.40  # shares of the prompts
REMARKED, JOINED, SLOPPY, SPACED_OUT, SPRINKLED = 0.08, 0.05, 0.12, 0.04, 0.04
MARKED_TWICE = 0.15  # share of those with a mark
SLIPS = (0.1, 0.6)  # share of a sloppy prompt's words that have one
DRAWN_OUT = 0.1  # share of the slips, and of the sloppy prompts in which every slip is one
RAMBLED = 0.25  # share of the prompts with an aside that have several
MOST_ASIDES = 9

_QUESTION = re.compile(
    r"(?!what an? |how (nice|lovely|cute|sweet)\b|have (an?|some|fun)\b|don't (be|worry|go|tell|cry|forget|eat)\b)"
    r"(what|who|whose|why|how|where|when|which|do|does|did|are|is|isn't|can|could|would|will|have|has|shall|should|am|"
    r"was|were|don't|aren't|what's|who's|how's|where's|any|ever)\b"
)
_EMOJI = "😀😂🤣😊😍🥰😘😜🤔😴😢😭😡😱🥺😎🙄😅🥳😬🤷🙈💀👍👎👋👌🙏💪👀💔💕🔥✨🎉⭐🌞🌙🌧🌊💦💧🌱🐟🐠🐡🐌🐱🐶☕🍕🍰🎵💤"
_NEIGHBOURS = {
    here: (before + after).strip()
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for before, here, after in zip(" " + row[:-1], row, row[1:] + " ", strict=True)
}


def dress(prompt: str, persona: Persona, loose: bool, rng: random.Random) -> str:
    """A message as people send it. Openers and closers only where the topic is `loose` about them."""
    if not plain(prompt):
        return prompt  # nothing but marks: with an opener it would be a greeting
    asks = bool(_QUESTION.match(prompt))
    openers = persona.openers + persona.question_openers if asks else persona.openers
    if loose and openers and rng.random() < OPENED:
        prompt = pick(openers, rng) + pick((" ", ", "), rng) + prompt
    if loose and persona.closers and rng.random() < CLOSED:
        prompt += pick((" ", ", "), rng) + pick(persona.closers, rng)
    if rng.random() < APOSTROPHE_LOST:
        prompt = prompt.replace("'", "")
    if rng.random() < PUNCTUATED:
        prompt += "?" if asks else pick("..!", rng)
    return prompt


def undress(prompt: str, persona: Persona) -> list[str]:
    """The prompt in plain form, and what is left of it without an opener, a closer, or both."""
    bare = [plain(prompt)]
    for opener in persona.openers + persona.question_openers:
        bare += [text[len(plain(opener)) + 1 :] for text in bare[:1] if text.startswith(plain(opener) + " ")]
    for closer in persona.closers:
        bare += [text[: -len(plain(closer)) - 1] for text in list(bare) if text.endswith(" " + plain(closer))]
    return list(dict.fromkeys(bare))


def remark(prompt: str, persona: Persona, rng: random.Random) -> str:
    """One aside in front of a message, seldom a whole ramble: the message is what is answered."""
    count = rng.randint(2, MOST_ASIDES) if rng.random() < RAMBLED else 1
    asides = [fill(pick(persona.asides, rng).nodes, persona.lists, {}, rng) for _ in range(count)]
    return join([*asides, prompt], persona, rng)


def join(messages: list[str], persona: Persona, rng: random.Random) -> str:
    """Several messages as one."""
    joined = messages[0]
    for message in messages[1:]:
        joined = joined.rstrip("?!.") + pick(persona.joiners, rng) + message
    return joined


def sloppy(prompt: str, persona: Persona, keep: set[str], rng: random.Random, slips: float) -> str:
    """The same message in a hurry. Words to `keep` (plain ones) stay: the reply may repeat them."""
    words, moaned = prompt.split(" "), rng.random() < DRAWN_OUT
    for place, word in enumerate(words):
        letters = word.strip(".,!?'")
        if rng.random() >= slips or keep & {*plain(word).split(), *plain(word.replace("'", " ")).split()}:
            continue
        short = persona.abbreviations.get(letters)
        if moaned and letters:
            words[place] = word.replace(letters, draw_out(letters, rng))
        elif short and rng.random() < 0.5:
            words[place] = word.replace(letters, pick(short, rng))
        else:
            words[place] = slip(word, rng)
    return " ".join(words)


def space_out(prompt: str, rng: random.Random) -> str:
    """Without spaces, or with something else in their place.

    >>> sorted({space_out("hi you two", random.Random(seed)) for seed in range(12)})
    ['h i  y o u  t w o', 'hi   you   two', 'hi*you,,,two', 'hiyoutwo']
    """
    kind = rng.random()
    if kind < 0.5:
        return prompt.replace(" ", "")
    if kind < 0.7:
        return "  ".join(" ".join(word) for word in prompt.split())
    if kind < 0.85:
        return pick(("\n", "\n\n", "\t", "   "), rng).join(prompt.split())
    first, *words = prompt.split()
    return first + "".join(pick(",./!-_;*", rng) * rng.randint(1, 4) + word for word in words)


def sprinkle(prompt: str, rng: random.Random) -> str:
    """With an emoji or a few, mostly at the end."""
    emoji = "".join(pick(_EMOJI, rng) for _ in range(pick((1, 1, 1, 2, 3), rng)))
    words = prompt.split(" ")
    place = len(words) if rng.random() < 0.7 else rng.randint(0, len(words))
    return " ".join([*words[:place], emoji, *words[place:]])


def slip(word: str, rng: random.Random) -> str:
    """One word with one slip of the fingers: a letter lost, doubled, drawn out, swapped with the next, or its
    neighbour's key hit.

    >>> rng = random.Random(3)
    >>> [slip("hungry", rng) for _ in range(6)]
    ['hungrry', 'hungty', 'huuuuuungry', 'huungry', 'hunfry', 'huungry']
    """
    if len(word) < 3:
        return word
    if rng.random() < DRAWN_OUT:
        return draw_out(word, rng)
    at = rng.randrange(len(word) - 1)
    match rng.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + word[at] + word[at:]
        case 2:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case _:
            return word[:at] + pick(_NEIGHBOURS.get(word[at], word[at]), rng) + word[at + 1 :]


def draw_out(word: str, rng: random.Random) -> str:
    """A word as one moans or cheers it: its end, or one of its vowels, goes on and on.

    >>> sorted({draw_out("food", random.Random(seed)) for seed in range(9)})
    ['fooddd', 'foodddddd', 'fooood', 'foooood', 'fooooood', 'foooooood']
    """
    at = pick([*(place for place, letter in enumerate(word) if letter in "aeiouy"), len(word) - 1], rng)
    return word[:at] + word[at] * rng.randint(3, 6) + word[at + 1 :]
