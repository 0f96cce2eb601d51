"""What a character's TOML files may hold.

Everywhere unknown keys are forbidden: a mistyped one would be lost in silence.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
Plain = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^{}\[\]|]{1,100}$")]  # no template
OneWord = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\w{1,100}$")]
Typed = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\w'’-]{1,100}$")]  # also "don't"
Phrase = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[\w'’-]+( [\w'’-]+){0,9}$")]
Licence = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.+-]{1,40}$")]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]  # like "#1b7fa8"
Texts = Annotated[list[Text], Field(min_length=1)]
ListName = Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]

# What the patterns want, for people
WANTED = {
    r"^[^{}\[\]|]{1,100}$": "must be short and hold none of { } [ ] |: write each form out",
    r"^\w{1,100}$": "must be one word of letters only",
    r"^[\w'’-]{1,100}$": "must be one word, without marks around it",
    r"^[\w'’-]+( [\w'’-]+){0,9}$": "must be words with single spaces between them, and no other marks",
    r"^[a-z0-9.+-]{1,40}$": 'must be a licence as the hub names it, like "mit" or "cc-by-4.0"',
    r"^#[0-9a-fA-F]{6}$": 'must be a colour like "#1b7fa8"',
    r"^[a-z_]+$": "is no name for a word list: small letters and _ only",
    r"^[^\n\t]{1,40}$": "must be short and on one line",
    r"^[^/]{1,100}$": "must be short and hold no /",
}


class NumberedWords(BaseModel, extra="forbid", frozen=True):
    """A list whose words agree: `one` (a rock), `many` (flakes), `some` (water)."""

    one: list[Text] = []
    many: list[Text] = []
    some: list[Text] = []


WordLists = dict[ListName, Texts | NumberedWords]


class WordsFile(BaseModel, extra="forbid", frozen=True):
    words: WordLists


class SynonymsFile(BaseModel, extra="forbid", frozen=True):
    synonyms: dict[Phrase, Annotated[list[Plain], Field(min_length=1)]]


class PageColours(BaseModel, extra="forbid", frozen=True):
    """What the character's page looks like; a missing one is the page's own."""

    water: Colour | None = None
    accent: Colour | None = None


class PersonaFile(BaseModel, extra="forbid", frozen=True):
    name: Text
    about: Text
    license: Licence | None = None  # under which its texts, and what is made from them, may be used
    prompts: Annotated[list[Text], Field(min_length=6)]  # fixed: what samples.jsonl follows
    openers: list[Plain] = []  # said before a prompt: "hey guppy"
    question_openers: list[Plain] = []  # and before questions only: "i was wondering"
    closers: list[Plain] = []  # and after it: "little buddy"
    asides: list[Text] = []  # templates, said in front of a prompt and not answered: "i just came home"
    joiners: list[Annotated[str, StringConstraints(pattern=r"^[^\n\t]{1,40}$")]] = []  # between two: ". ", " and "
    abbreviations: dict[Typed, Texts] = {}  # how some people type a word: you = ["u"]
    doubled: list[OneWord] = []  # words that it likes to say twice in a row, besides "very" and the like
    unknown: list[Text] = []  # word lists of things that the character does not know: in training also made-up words
    unheard: list[OneWord] = []  # more such things; the exam asks about them, and no other text may hold them
    page: PageColours = PageColours()


class ExchangeFile(BaseModel, extra="forbid", frozen=True):
    name: Text
    say: Texts
    reply: Texts
    nonsense: bool = False  # do messages that nobody can understand belong here?


class TopicFile(BaseModel, extra="forbid", frozen=True):
    topic: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^/]{1,100}$")]  # topic/exchange is a key
    words: WordLists = {}
    dress: bool = True  # may openers and closers be put around what people say here?
    exchange: Annotated[list[ExchangeFile], Field(min_length=1)]
