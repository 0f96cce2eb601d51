"""What stands in no dictionary.

Messages that nobody can understand: keys mashed, symbols, other scripts, code, one sound again and again, nothing. A
character needs something to say to them. An exchange with `nonsense = true` gets such messages beside its own.

Words that nobody has ever heard. Who has met enough of them can repeat any: "what is a mortge". A persona's `unknown`
lists get such words beside their own.

>>> rng = random.Random(1)
>>> all(nonsense(rng) for _ in range(1000))
True
>>> [new_word(rng) for _ in range(4)]
['inoa', 'jizu', 'hootrai', 'wewimort']
"""

from __future__ import annotations

import random

from guppylm.persona.template import pick

BLANK = 0.02  # share of the nonsense that is nothing at all
LONGEST = 24  # letters of another script: each is up to four tokens
SYMBOLS = "?!.,;:-_*#@%&/\\()[]{}<>=+~^|$\"'`"
SCRIPTS = (
    (0x0391, 0x03C9), (0x0410, 0x044F), (0x05D0, 0x05EA), (0x0621, 0x064A), (0x0905, 0x0939), (0x0E01, 0x0E2E),
    (0x3042, 0x3093), (0x30A2, 0x30F3), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF21, 0xFF5A), (0x1D4D0, 0x1D503),
)  # fmt: skip
EMOJI = ((0x1F300, 0x1F5FF), (0x1F600, 0x1F64F), (0x1F680, 0x1F6C5), (0x1F900, 0x1F9FF))
CODE = (
    "for {} in range({}):", "def {}({}):", "if ({} == {}) return;", "{}({});", "<{}>{}</{}>", "import {}", "{}.{}()",
    "select * from {} where {}", "https://{}.com/{}", "[{}]({})", "**{}** {}", "# {}", "{{{}: {}}}", "<|{}|>", "[{}]",
    "<{}>", "git {} --{}", "sudo {} {}", "{} = [{}, {}]", "print({})", "/{}/{}", "{}@{}.org", "|{}|{}|", "\\{}{{{}}}",
)  # fmt: skip


def nonsense(rng: random.Random) -> str:
    """One of many kinds, at random."""
    kind = pick((_mashed, _mashed, _symbols, _emoji, _digits, _script, _script, _code, _repeated, _word_repeated), rng)
    return kind(rng) if rng.random() >= BLANK else " "


def _letters(rng: random.Random, shortest: int, longest: int, alphabet: str = "abcdefghijklmnopqrstuvwxyz") -> str:
    return "".join(pick(alphabet, rng) for _ in range(rng.randint(shortest, longest)))


def _mashed(rng: random.Random) -> str:
    """Whole rows of keys, or letters in any order."""
    keys = pick(("asdfghjkl", "qwertyuiop", "zxcvbnm", "asdfjkl;", "abcdefghijklmnopqrstuvwxyz"), rng)
    return " ".join(_letters(rng, 3, 9, keys) for _ in range(rng.randint(1, 4)))


def _symbols(rng: random.Random) -> str:
    few = "".join(pick(SYMBOLS, rng) for _ in range(rng.randint(1, 4)))
    return _letters(rng, 1, 14, few)


def _emoji(rng: random.Random) -> str:
    return "".join(chr(rng.randint(*pick(EMOJI, rng))) for _ in range(rng.randint(1, 5)))


def _digits(rng: random.Random) -> str:
    return "".join(pick("01234567890123456789.,/ ", rng) for _ in range(rng.randint(1, 16))).strip() or "0"


def _script(rng: random.Random) -> str:
    first, last = pick(SCRIPTS, rng)
    letters = [chr(rng.randint(first, last)) if rng.random() < 0.85 else " " for _ in range(rng.randint(2, LONGEST))]
    return " ".join("".join(letters).split()) or chr(first)


def _code(rng: random.Random) -> str:
    shape = pick(CODE, rng)
    return shape.format(*(_letters(rng, 2, 7) for _ in range(shape.count("{}"))))


def _repeated(rng: random.Random) -> str:
    return pick(("", " "), rng).join([_letters(rng, 1, 4)] * pick((5, 9, 14, 60), rng))


def _word_repeated(rng: random.Random) -> str:
    """Up to so often that it fills the model's memory."""
    return " ".join([new_word(rng)[:6]] * pick((3, 8, 20, 40), rng))


_BEGINNINGS = (
    *"bcdfghjklmnprstvwyz" * 3, "bl", "br", "ch", "cl", "cr", "dr", "fl", "fr", "gl", "gr", "kn", "ph", "pl", "pr",
    "qu", "sc", "sh", "sk", "sl", "sp", "st", "str", "sw", "th", "tr", "wh",
)  # fmt: skip
_MIDDLES = (*"aaaeeeiiooouuy" * 2, "ai", "au", "ea", "ee", "ei", "ia", "ie", "io", "oa", "oo", "ou", "ow")
_ENDINGS = (
    *"bdgklmnprstxz", "ck", "ct", "ft", "ld", "lt", "mp", "nd", "ng", "nk", "nt", "rd", "rk", "rm", "rn", "rt", "sh",
    "sk", "ss", "st", "th", "tch",
)  # fmt: skip
_TAILS = (
    "er", "ing", "ation", "ity", "ism", "ment", "ology", "ory", "al", "ence", "ery", "le", "et", "ium", "ist", "o", "a",
    "us", "ant", "ics", "graph", "or", "age",
)  # fmt: skip


def new_word(rng: random.Random) -> str:
    """One to four syllables as English has them, some with one of the usual tails."""
    count = pick((1, 1, 2, 2, 2, 3, 3, 4), rng)
    word = pick(_MIDDLES, rng) if rng.random() < 0.15 else ""
    for last in (*[False] * (count - 1), True):
        word += pick(_BEGINNINGS, rng) + pick(_MIDDLES, rng)
        if rng.random() < (0.6 if last else 0.2):
            word += pick(_ENDINGS, rng)
    return word + pick(_TAILS, rng) if len(word) < 4 or rng.random() < 0.3 else word
