"""How people type: what is put around a message, and the slips of their fingers."""

import random
import re
from pathlib import Path
from statistics import mean

import pytest
from conftest import OWL, write_persona

from guppylm.errors import PersonaError
from guppylm.persona import dress, generate, schema
from guppylm.persona.match import plain
from guppylm.persona.nonsense import nonsense
from guppylm.persona.split import split

TALKATIVE = """
    asides = ["i just came home", "it is {tree} season", "{what a|such a} day"]
    joiners = [". ", " and "]
    [abbreviations]
    you = ["u"]
"""


@pytest.fixture
def talkative(tmp_path: Path) -> schema.Persona:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + TALKATIVE, encoding="utf-8")
    return schema.load(folder)


def test_slips_change_the_words_they_may_and_no_others(talkative: schema.Persona) -> None:
    text = "would you like some beetles for dinner tonight"
    assert dress.sloppy(text, talkative, set(), random.Random(1), slips=0) == text
    changed = []
    for seed in range(300):
        words = dress.sloppy(text, talkative, {"beetles"}, random.Random(seed), slips=0.3).split()
        assert "beetles" in words
        assert len(words) == len(text.split())
        changed.append(sum(a != b for a, b in zip(words, text.split(), strict=True)))
    assert 0.8 < mean(changed) < 2.2  # of eight words 0.3, less those too short to slip on
    assert any("u" in dress.sloppy(text, talkative, set(), random.Random(s), 1.0).split() for s in range(20))


def test_some_messages_are_drawn_out_all_over(talkative: schema.Persona) -> None:
    typed = {dress.sloppy("so hungry", talkative, set(), random.Random(seed), slips=1.0) for seed in range(300)}
    moaned = {text for text in typed if re.fullmatch(r"so{3,6} (hu{3,6}ngry|hungry{3,6})", text)}
    assert len(moaned) > 5
    assert "so hungry" not in typed


def test_every_slip_is_one_slip() -> None:
    """Damerau's four kinds: at most one letter lost, one too many, two swapped, or one wrong. Or one drawn out."""
    rng = random.Random(2)
    kinds = [dress.slip("hungry", rng) for _ in range(500)]
    drawn_out = {form for times in range(3, 7) for form in ("h" + "u" * times + "ngry", "hungr" + "y" * times)}
    assert drawn_out <= set(kinds)
    kinds = [slipped for slipped in kinds if slipped not in drawn_out]
    assert {len(slipped) for slipped in kinds} == {5, 6, 7}
    assert "hungry" not in kinds
    for slipped in kinds:
        assert abs(len(slipped) - 6) <= 1
        letters = sorted("hungry")
        for letter in slipped:
            if letter in letters:
                letters.remove(letter)
        assert len(letters) <= 1
    assert dress.slip("hi", rng) == "hi"


def test_spaced_out_messages_keep_their_letters_in_order() -> None:
    rng = random.Random(3)
    seen = {dress.space_out("are you hungry", rng) for _ in range(400)}
    assert {"areyouhungry", "a r e  y o u  h u n g r y", "are\n\nyou\n\nhungry", "are\tyou\thungry"} <= seen
    assert len(seen) > 50  # marks in the gaps
    assert {re.sub(r"[^a-z]", "", text) for text in seen} == {"areyouhungry"}
    assert dress.space_out("hi", rng) in ("hi", "h i")


def test_emoji_stand_between_words_and_change_none() -> None:
    rng = random.Random(3)
    seen = [dress.sprinkle("are you hungry", rng) for _ in range(400)]
    assert {" ".join(word for word in text.split(" ") if word.isascii()) for text in seen} == {"are you hungry"}
    assert 0.6 < mean(text.startswith("are you hungry ") for text in seen) < 0.9
    assert {plain(text) for text in seen} == {"are you hungry"}


def test_unknown_things_are_mostly_made_up_in_training_and_repeated_as_they_were_said(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + 'unknown = ["food"]', encoding="utf-8")
    persona = schema.load(folder)
    parts = split(persona, 1)
    known = {word.text for word in persona.lists["food"]}
    chats = list(generate.conversations(parts, "train", 4_000, seed=1))
    named = [chat.slots["food"].text for chat in chats if "food" in chat.slots]
    made_up = [word for word in named if word not in known]
    assert 0.62 < len(made_up) / len(named) < 0.78
    assert len(set(made_up)) > 0.95 * len(made_up)
    assert sum(chat.slots["food"].text in chat.output for chat in chats if "food" in chat.slots) > 0.5 * len(named)
    exam = generate.conversations(parts, "held_out", 300, seed=1)
    assert {chat.slots["food"].text for chat in exam if "food" in chat.slots} <= known


def test_an_unknown_list_must_exist(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + 'unknown = ["foot"]', encoding="utf-8")
    with pytest.raises(PersonaError, match=r"persona.toml: unknown: no word list called 'foot'.*food"):
        schema.load(folder)


def test_an_aside_or_another_message_stands_in_front_and_the_last_is_answered(talkative: schema.Persona) -> None:
    rng = random.Random(4)
    asides = {"i just came home", "what a day", "such a day"} | {
        f"it is {t} season" for t in ("oak", "birch", "old elm")
    }
    for _ in range(50):
        said = dress.remark("are you hungry", talkative, rng)
        assert said.endswith("are you hungry")
        first = said.removesuffix("are you hungry").removesuffix(". ").removesuffix(" and ")
        parts = [part for half in first.split(". ") for part in half.split(" and ")]
        assert parts
        assert set(parts) <= asides
    assert dress.join(["is it dark?", "are you hungry"], talkative, random.Random(1)) in (
        "is it dark. are you hungry",
        "is it dark and are you hungry",
    )


def test_training_is_rough_and_the_exam_is_not(talkative: schema.Persona) -> None:
    parts = split(talkative, 1)
    wordings = {
        plain(template.text)
        for exchange in talkative.exchanges
        for template in exchange.say
        if "{" not in template.text
    }
    trained = [chat.input for chat in generate.conversations(parts, "train", 2_000, seed=1)]
    exam = [chat.input for chat in generate.conversations(parts, "held_out", 300, seed=1)]
    marks = (". i", " and ", "season", "a day", "came home")
    assert 0.05 < mean(any(mark in text for mark in marks) for text in trained) < 0.3
    assert not any(mark in text for text in exam for mark in marks)
    known = set(" ".join(wordings).split())
    assert mean(word in known for text in exam for word in plain(text).split()) > mean(
        word in known for text in trained for word in plain(text).split()
    )


def test_rough_messages_keep_what_the_reply_repeats_and_are_of_every_kind(tmp_path: Path) -> None:
    """Without asides and joiners: slips, marks typed twice, and no slot word spoiled."""
    persona = schema.load(write_persona(tmp_path / "owl"))
    chats = list(generate.conversations(split(persona, 1), "train", 3_000, seed=3))
    for chat in chats:
        for word in chat.slots.values():
            assert plain(word.text) in plain(chat.input)
    doubled = mean(chat.input.endswith(("??", "!!", "..")) for chat in chats)
    assert 0.03 < doubled < 0.12  # 15 % of the 45 % that have a mark
    literal = {
        word for exchange in persona.exchanges for t in exchange.say for word in re.findall(r"\w+", plain(t.text))
    }
    slot_words = {word for chat in chats for slot in chat.slots.values() for word in plain(slot.text).split()}
    around = {word for text in (*persona.openers, *persona.closers) for word in plain(text).split()}
    known = literal | slot_words | around
    assert 0.03 < mean(any(word not in known for word in plain(chat.input).split()) for chat in chats) < 0.12


def test_a_word_to_keep_is_kept_with_its_apostrophe_or_without(talkative: schema.Persona) -> None:
    for text in ("at five oclock sharp", "at five o'clock sharp", "a beetle's dinner, beetle!"):
        for seed in range(60):
            slipped = dress.sloppy(text, talkative, {"oclock", "beetle"}, random.Random(seed), slips=1.0)
            assert any(word in slipped for word in ("oclock", "o'clock", "beetle's"))
            assert text.count("beetle") == slipped.count("beetle")


def test_the_mark_fits_the_message(talkative: schema.Persona) -> None:
    def marks(text: str) -> set[str]:
        return {dress.dress(text, talkative, False, random.Random(seed))[len(text) :] for seed in range(80)}

    assert marks("what do you eat") == {"", "?"}
    assert marks("do you sleep") == {"", "?"}
    for text in ("what a lovely tree", "have a good night", "don't be shy", "i like owls"):
        assert marks(text) == {"", ".", "!"}


def test_question_openers_stand_before_questions_only(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    text = OWL["persona.toml"].replace("openers =", 'question_openers = ["i was wondering"]\nopeners =')
    (folder / "persona.toml").write_text(text, encoding="utf-8")
    persona = schema.load(folder)
    asked = [dress.dress("do you sleep", persona, True, random.Random(seed)) for seed in range(300)]
    said = [dress.dress("you look sleepy", persona, True, random.Random(seed)) for seed in range(300)]
    assert any("wondering" in text for text in asked)
    assert not any("wondering" in text for text in said)
    assert all("do you sleep" in dress.undress(text, persona) for text in asked)


def test_a_character_without_asides_is_left_as_it_is(tmp_path: Path) -> None:
    persona = schema.load(write_persona(tmp_path / "owl"))
    chats = list(generate.conversations(split(persona, 1), "train", 500, seed=1))
    assert mean(". " in chat.input for chat in chats) < 0.01


def test_asides_need_joiners(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + 'asides = ["hm"]', encoding="utf-8")
    with pytest.raises(PersonaError, match=r"persona\.toml: asides need joiners"):
        schema.load(folder)
    (folder / "persona.toml").write_text(OWL["persona.toml"] + 'joiners=[". "]\nasides=["a {tre}"]', encoding="utf-8")
    with pytest.raises(PersonaError, match=r"asides 1 .* no word list called 'tre'; did you mean 'tree'"):
        schema.load(folder)


def test_nonsense_goes_to_the_exchange_that_is_for_it_and_never_into_the_exam(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    lost = """
        topic = "lost"
        [[exchange]]
        name = "what"
        nonsense = true
        say = ["hrmpf", "blah", "mumble", "uh uh uh", "bla bla", "mumble mumble"]
        reply = ["i did not hear that."]
    """
    (folder / "topics" / "lost.toml").write_text(lost, encoding="utf-8")
    parts = split(schema.load(folder), 1)
    trained = [c.input for c in generate.conversations(parts, "train", 1_000, seed=1) if c.category == "lost"]
    exam = [c.input for c in generate.conversations(parts, "held_out", 300, seed=1) if c.category == "lost"]
    said = ("hrmpf", "blah", "mumble", "uh", "bla")
    assert len(trained) > 500  # its odds are eight to one
    assert 0.6 < mean(not any(word in text for word in said) for text in trained) < 0.95
    assert exam
    assert all(any(word in text for word in said) for text in exam)
    assert not set(exam) & set(trained)
    openers = {plain(opener) for opener in schema.load(folder).openers}
    assert not openers & set(map(plain, trained))  # "hey owl ???" is a greeting


def test_nonsense_is_many_things_and_none_longer_than_a_long_message() -> None:
    rng = random.Random(9)
    made = [nonsense(rng) for _ in range(2_000)]
    assert len(set(made)) > 1_500
    assert all(made)
    assert max(map(len, made)) < 300
    assert 0.005 < mean(not text.strip() for text in made) < 0.04
    assert any(len(text.split()) == 40 and len(set(text.split())) == 1 for text in made)
    assert mean(text.isascii() for text in made) < 0.8
