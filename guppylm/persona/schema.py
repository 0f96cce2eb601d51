"""A character's folder of TOML files -> a checked Persona. Errors name file, topic and entry.

NAME/persona.toml      name, about, prompts, and how people talk to it: openers, closers, asides, abbreviations;
                       [page], its colours on the web page
NAME/words.toml        word lists that every topic may use
NAME/synonyms.toml     what people say in place of a word or phrase
NAME/topics/*.toml     topic = "food", its own [words], and its [[exchange]]s

>>> from pathlib import Path
>>> persona = load(Path("personas/guppy"))
>>> persona.name
'guppy'
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from guppylm.errors import PersonaError
from guppylm.persona.reading import near, read
from guppylm.persona.shapes import NumberedWords, PersonaFile, SynonymsFile, Texts, TopicFile, WordLists, WordsFile
from guppylm.persona.synonyms import Synonyms
from guppylm.persona.template import Number, Sequence, Slot, TemplateError, Word, parse, slots


@dataclass(frozen=True)
class Template:
    """One entry of `say` or `reply`: as it was written, and as a tree (of `say`, in other words too)."""

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
    question_openers: tuple[str, ...]
    closers: tuple[str, ...]
    asides: tuple[Template, ...]
    joiners: tuple[str, ...]
    abbreviations: dict[str, list[str]]
    unknown: tuple[str, ...]
    unheard: tuple[str, ...]
    doubled: tuple[str, ...]  # words that stand twice in a row where it means to
    lists: dict[str, list[Word]] = field(repr=False)  # the words that every topic may use
    synonyms: Synonyms = field(repr=False)
    exchanges: tuple[Exchange, ...] = field(repr=False)

    def unknown_slots(self, template: Template) -> list[str]:
        """The slots that stand for things which the character does not know."""
        return [slot.name for slot in slots(template.nodes) if slot.list in self.unknown]

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(exchange.topic for exchange in self.exchanges))

    @property
    def thoughts(self) -> list[str]:
        """All that there is to understand: the topics, and their exchanges."""
        return [*self.topics, *(exchange.key for exchange in self.exchanges)]


def load(folder: Path) -> Persona:
    """Read and check a character. Raises PersonaError with one line: file, place, what to do."""
    introduced = head(folder)
    file = folder / "words.toml"
    common = _word_lists(file, read(file, WordsFile, under="words").words if file.exists() else {})
    for name in common:
        _check_words(file, name, common)
    files = sorted((folder / "topics").glob("*.toml"))
    if not files:
        raise PersonaError(f"{folder / 'topics'}: no topics; a character needs at least one topics/NAME.toml")
    if introduced.asides and not introduced.joiners:
        raise PersonaError(f'{folder / "persona.toml"}: asides need joiners, like joiners = [". ", ", "]')
    asides = [
        _template(folder / "persona.toml", "asides", number, text, common)
        for number, text in enumerate(introduced.asides, 1)
    ]
    synonyms = _synonyms(folder / "synonyms.toml")
    seen: dict[str, Path] = {}
    exchanges: list[Exchange] = []
    for file in files:
        topic = read(file, TopicFile)
        if topic.topic in seen:
            raise PersonaError(
                f"{file}: topic '{topic.topic}' is already in {seen[topic.topic].name}; rename one or join them"
            )
        seen[topic.topic] = file
        exchanges += _exchanges(file, topic, common, synonyms)
    if len(puzzled := [exchange.key for exchange in exchanges if exchange.nonsense]) > 1:
        raise PersonaError(f"{folder}: {' and '.join(puzzled)} have nonsense = true; only one may")
    return Persona(
        name=introduced.name,
        about=introduced.about,
        prompts=tuple(normal(prompt) for prompt in introduced.prompts),
        openers=tuple(normal(opener) for opener in introduced.openers),
        question_openers=tuple(normal(opener) for opener in introduced.question_openers),
        closers=tuple(normal(closer) for closer in introduced.closers),
        asides=tuple(asides),
        joiners=tuple(normal(joiner) for joiner in introduced.joiners),
        abbreviations={
            normal(word): [normal(short) for short in shorts] for word, shorts in introduced.abbreviations.items()
        },
        unknown=_known_lists(folder / "persona.toml", introduced.unknown, exchanges),
        unheard=tuple(normal(word) for word in introduced.unheard),
        doubled=tuple(normal(word) for word in introduced.doubled),
        lists=common,
        synonyms=synonyms,
        exchanges=tuple(exchanges),
    )


def head(folder: Path) -> PersonaFile:
    """persona.toml alone: a moment, where `load` takes seconds. Raises PersonaError."""
    if not folder.is_dir():
        raise PersonaError(f"{folder}: no such character folder; the path of one is expected, like personas/guppy")
    return read(folder / "persona.toml", PersonaFile)


def _known_lists(file: Path, names: list[str], exchanges: list[Exchange]) -> tuple[str, ...]:
    lists = {name for exchange in exchanges for name in exchange.lists}
    for name in names:
        if name not in lists:
            raise PersonaError(f"{file}: unknown: no word list called '{name}'{near(name, sorted(lists))}")
    return tuple(names)


def normal(text: str) -> str:
    """NFC and lowercase, letter by letter: what the tokenizer does to every text.

    (`str.lower` on a whole text would look at a Greek sigma's neighbours; the tokenizer does not.)
    """
    if text.isascii():
        return text.lower()
    return "".join(letter.lower() for letter in unicodedata.normalize("NFC", text))


def _synonyms(file: Path) -> Synonyms:
    entries = read(file, SynonymsFile, under="synonyms").synonyms if file.exists() else {}
    return Synonyms({normal(word): [normal(other) for other in others] for word, others in entries.items()})


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


def _exchanges(file: Path, topic: TopicFile, common: dict[str, list[Word]], synonyms: Synonyms) -> Iterator[Exchange]:
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
        say = tuple(replace(template, nodes=synonyms.spread(template.nodes)) for template in sides["say"])
        yield Exchange(
            topic.topic, exchange.name, say, sides["reply"], lists, topic.dress, exchange.nonsense, file.name
        )


def _template(file: Path, place: str, number: int, text: str, lists: dict[str, list[Word]]) -> Template:
    where = f'{file}: {place} {number} "{text}"'
    try:
        nodes = parse(normal(text))
    except TemplateError as error:
        raise PersonaError(f"{where}: {error}") from None
    for slot in slots(nodes):
        if slot.list not in lists:
            similar = near(slot.list, list(lists))
            raise PersonaError(f"{where}: no word list called '{slot.list}'{similar or '; add it to words.toml'}")
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
        try:
            inner: list[Slot] = list(slots(parse(word.text)))
        except TemplateError as error:
            raise PersonaError(f"{file}: word list '{name}', \"{word.text}\": {error}") from None
        for slot in inner:
            if slot.list not in lists:
                similar = near(slot.list, list(lists))
                raise PersonaError(f"{file}: word list '{name}', \"{word.text}\": no word list '{slot.list}'{similar}")
            _check_words(file, slot.list, lists, (*above, name))
