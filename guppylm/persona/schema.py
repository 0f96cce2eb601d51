"""A character's folder of TOML files -> a checked Persona. Errors name file, topic and entry.

NAME/persona.toml      name, about, prompts, openers and closers
NAME/words.toml        word lists that every topic may use
NAME/topics/*.toml     topic = "food", its own [words], and its [[exchange]]s

>>> from pathlib import Path
>>> persona = load(Path("personas/guppy"))
>>> persona.name
'guppy'
"""

from __future__ import annotations

import difflib
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from guppylm.errors import PersonaError
from guppylm.persona.template import Number, Sequence, Slot, TemplateError, Word, parse, slots

LARGEST_FILE = 4_000_000  # bytes: hundreds of times what a person types for one topic

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]
Texts = Annotated[list[Text], Field(min_length=1)]

Shape = TypeVar("Shape", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NumberedWords(_Strict):
    """A list whose words agree: `one` (a rock), `many` (flakes), `some` (water)."""

    one: list[Text] = []
    many: list[Text] = []
    some: list[Text] = []


WordLists = dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")], Texts | NumberedWords]


class PersonaFile(_Strict):
    name: Text
    about: Text
    prompts: Annotated[list[Text], Field(min_length=6)]  # fixed: what samples.jsonl follows
    openers: list[Text] = []  # said before a prompt: "hey guppy"
    closers: list[Text] = []  # and after it: "little buddy"
    asides: list[Text] = []  # templates, said in front of a prompt and not answered: "i just came home"
    joiners: list[Annotated[str, StringConstraints(min_length=1, max_length=40)]] = []  # between two: ". ", " and "
    abbreviations: dict[Text, Texts] = {}  # how some people type a word: you = ["u"]


class ExchangeFile(_Strict):
    name: Text
    say: Texts
    reply: Texts
    nonsense: bool = False  # do messages that nobody can understand belong here?


class TopicFile(_Strict):
    topic: Text
    words: WordLists = {}
    dress: bool = True  # may openers and closers be put around what people say here?
    exchange: Annotated[list[ExchangeFile], Field(min_length=1)]


@dataclass(frozen=True)
class Template:
    """One entry of `say` or `reply`: as it was written, and as a tree."""

    text: str
    nodes: Sequence


@dataclass(frozen=True)
class Exchange:
    """One thing that people say, in many wordings, and replies that fit it."""

    topic: str
    name: str
    say: tuple[Template, ...]
    reply: tuple[Template, ...]
    lists: dict[str, list[Word]] = field(repr=False)  # the words it can see
    dress: bool
    nonsense: bool
    file: str

    @property
    def key(self) -> str:
        return f"{self.topic}/{self.name}"

    @cached_property
    def echoes(self) -> bool:
        """Do its replies repeat a word that its prompts name?"""
        said = {slot.name for template in self.say for slot in slots(template.nodes)}
        return any(slot.name in said for template in self.reply for slot in slots(template.nodes))


@dataclass(frozen=True)
class Persona:
    name: str
    about: str
    prompts: tuple[str, ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    asides: tuple[Template, ...]
    joiners: tuple[str, ...]
    abbreviations: dict[str, list[str]]
    lists: dict[str, list[Word]] = field(repr=False)  # the words that every topic may use
    exchanges: tuple[Exchange, ...] = field(repr=False)

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(exchange.topic for exchange in self.exchanges))


def load(folder: Path) -> Persona:
    """Read and check a character. Raises PersonaError with one line: file, place, what to do."""
    if not folder.is_dir():
        raise PersonaError(f"{folder}: no such character folder; the path of one is expected, like personas/guppy")
    head = _read(folder / "persona.toml", PersonaFile)
    common = _word_lists(folder / "words.toml", _read_words(folder / "words.toml"))
    for name in common:
        _check_words(folder / "words.toml", name, common)
    files = sorted((folder / "topics").glob("*.toml"))
    if not files:
        raise PersonaError(f"{folder / 'topics'}: no topics; a character needs at least one topics/NAME.toml")
    if head.asides and not head.joiners:
        raise PersonaError(f'{folder / "persona.toml"}: asides need joiners, like joiners = [". ", ", "]')
    asides = [
        _template(folder / "persona.toml", "asides", number, text, common) for number, text in enumerate(head.asides, 1)
    ]
    seen: dict[str, Path] = {}
    exchanges: list[Exchange] = []
    for file in files:
        topic = _read(file, TopicFile)
        if topic.topic in seen:
            raise PersonaError(
                f"{file}: topic '{topic.topic}' is already in {seen[topic.topic].name}; rename one or join them"
            )
        seen[topic.topic] = file
        exchanges += _exchanges(file, topic, common)
    return Persona(
        name=head.name,
        about=head.about,
        prompts=tuple(normal(prompt) for prompt in head.prompts),
        openers=tuple(normal(opener) for opener in head.openers),
        closers=tuple(normal(closer) for closer in head.closers),
        asides=tuple(asides),
        joiners=tuple(head.joiners),
        abbreviations=head.abbreviations,
        lists=common,
        exchanges=tuple(exchanges),
    )


def normal(text: str) -> str:
    """NFC and lowercase, letter by letter: what the tokenizer does to every text.

    (`str.lower` on a whole text would look at a Greek sigma's neighbours; the tokenizer does not.)
    """
    return "".join(letter.lower() for letter in unicodedata.normalize("NFC", text))


def _read_toml(file: Path) -> dict[str, object]:
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise PersonaError(f"{file}: larger than {LARGEST_FILE:,} bytes; is this really a character's file?")
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))  # some editors put a byte order mark first
    except FileNotFoundError:
        raise PersonaError(f"{file}: not found; every character needs this file") from None
    except OSError as error:
        raise PersonaError(f"{file}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise PersonaError(f"{file}: byte {error.start} is not UTF-8; save the file as UTF-8 text") from None
    except (ValueError, RecursionError) as error:  # also numbers and brackets without end
        raise PersonaError(f"{file}: not TOML: {error}") from None


def _read(file: Path, shape: type[Shape]) -> Shape:
    content = _read_toml(file)
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise PersonaError(f"{file}: {_explain(error, content, shape)}") from None


def _read_words(file: Path) -> WordLists:
    class WordsFile(_Strict):
        words: WordLists

    content: dict[str, object] = {"words": _read_toml(file) if file.exists() else {}}
    try:
        return WordsFile.model_validate(content).words
    except ValidationError as error:
        raise PersonaError(f"{file}: {_explain(error, content, WordsFile)}") from None


def _explain(error: ValidationError, content: dict[str, object], shape: type[BaseModel]) -> str:
    """Pydantic's first complaint as one plain line, with the name of the exchange it is in."""
    complaints = error.errors()
    # of a word list, which may have two shapes, the complaint that it is no plain list says least
    first = next((one for one in complaints if one["type"] != "list_type"), complaints[0])
    place = [part for part in first["loc"] if "[" not in str(part) and part != NumberedWords.__name__]
    where = ""
    if place[0] == "exchange" and len(place) > 1 and isinstance(place[1], int):
        entries = content["exchange"]
        entry = entries[place[1]] if isinstance(entries, list) else None
        name = entry.get("name", place[1] + 1) if isinstance(entry, dict) else place[1] + 1
        where, place = f"exchange '{name}': ", place[2:]
    path = ".".join(str(part + 1 if isinstance(part, int) else part) for part in place)
    if first["type"] == "extra_forbidden":
        known = _near(str(place[-1]), [*shape.model_fields, *ExchangeFile.model_fields, *NumberedWords.model_fields])
        return f"{where}unknown key '{path}'{known}"
    if first["type"] == "missing":
        return f"{where}'{path}' is missing"
    if first["type"] == "too_short":
        return f"{where}'{path}' has too few entries ({first['msg'].lower()})"
    return f"{where}'{path}': {first['msg'].lower()}"


def _near(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def _word_lists(file: Path, lists: WordLists) -> dict[str, list[Word]]:
    result: dict[str, list[Word]] = {}
    for name, entries in lists.items():
        words = list(_words(entries))
        if not words:
            raise PersonaError(f"{file}: word list '{name}' is empty; give it words under one, many or some")
        doubled = {word.text for word in words if [w.text for w in words].count(word.text) > 1}
        if doubled:
            raise PersonaError(f"{file}: word list '{name}' has '{min(doubled)}' twice; delete one")
        result[name] = words
    return result


def _words(entries: Texts | NumberedWords) -> Iterator[Word]:
    if isinstance(entries, list):
        yield from (Word(normal(text)) for text in entries)
        return
    numbers: tuple[Number, ...] = ("one", "many", "some")
    for number in numbers:
        for text in getattr(entries, number):
            yield Word(normal(text), number)


def _exchanges(file: Path, topic: TopicFile, common: dict[str, list[Word]]) -> Iterator[Exchange]:
    own = _word_lists(file, topic.words)
    lists = {**common, **own}
    for name in own:
        _check_words(file, name, lists)
    names: set[str] = set()
    for exchange in topic.exchange:
        if exchange.name in names:
            raise PersonaError(f"{file}: exchange '{exchange.name}' stands there twice; rename one")
        names.add(exchange.name)
        sides = {
            side: tuple(
                _template(file, f"exchange '{exchange.name}', {side}", number, text, lists) for number, text in entries
            )
            for side, entries in (("say", enumerate(exchange.say, 1)), ("reply", enumerate(exchange.reply, 1)))
        }
        _check_pairs(file, exchange.name, sides["say"], sides["reply"], lists)
        yield Exchange(
            topic.topic, exchange.name, sides["say"], sides["reply"], lists, topic.dress, exchange.nonsense, file.name
        )


def _template(file: Path, place: str, number: int, text: str, lists: dict[str, list[Word]]) -> Template:
    where = f'{file}: {place} {number} "{text}"'
    try:
        nodes = parse(normal(text))
    except TemplateError as error:
        raise PersonaError(f"{where}: {error}") from None
    for slot in slots(nodes):
        if slot.list not in lists:
            near = _near(slot.list, list(lists))
            raise PersonaError(f"{where}: no word list called '{slot.list}'{near or '; add it to words.toml'}")
        _check_words(file, slot.list, lists)
        if len(lists[slot.list]) < len({other.name for other in slots(nodes) if other.list == slot.list}):
            raise PersonaError(f"{where}: list '{slot.list}' has too few words for {{{slot.name}}} to be another one")
    return Template(text, nodes)


def _check_pairs(
    file: Path, exchange: str, say: tuple[Template, ...], reply: tuple[Template, ...], lists: dict[str, list[Word]]
) -> None:
    """A prompt and its reply share their slots, so a list needs a word for each different one in both."""
    asked = [(number, template, _slots_within(template.nodes, lists)) for number, template in enumerate(say, 1)]
    for number, template in enumerate(reply, 1):
        answered = _slots_within(template.nodes, lists)
        for say_number, prompt, named in asked:
            for name in {slot.list for slot in answered}:
                if len({slot for slot in answered | named if slot.list == name}) > len(lists[name]):
                    raise PersonaError(
                        f"{file}: exchange '{exchange}', reply {number} \"{template.text}\": list '{name}' has too few "
                        f'words for it after say {say_number} "{prompt.text}"; add words, or use the same slot again'
                    )


def _slots_within(nodes: Sequence, lists: dict[str, list[Word]]) -> set[Slot]:
    """The slots of a template, and those inside of the words that may fill them."""
    found = set(slots(nodes))
    for slot in tuple(found):
        for word in lists[slot.list]:
            if "{" in word.text or "[" in word.text:
                found |= _slots_within(parse(word.text), lists)
    return found


def _check_words(file: Path, name: str, lists: dict[str, list[Word]], above: tuple[str, ...] = ()) -> None:
    """The words of a list may hold slots themselves; they must exist and never lead back."""
    if name in above:
        loop = " -> ".join((*above, name))
        raise PersonaError(f"{file}: word lists go round in a circle: {loop}; take one of the slots out")
    for word in lists[name]:
        if "{" not in word.text and "[" not in word.text:
            continue
        try:
            inner: list[Slot] = list(slots(parse(word.text)))
        except TemplateError as error:
            raise PersonaError(f"{file}: word list '{name}', \"{word.text}\": {error}") from None
        for slot in inner:
            if slot.list not in lists:
                near = _near(slot.list, list(lists))
                raise PersonaError(f"{file}: word list '{name}', \"{word.text}\": no word list '{slot.list}'{near}")
            _check_words(file, slot.list, lists, (*above, name))
