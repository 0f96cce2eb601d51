"""The template language, against what its docstring promises."""

import random

import pytest

from guppylm.persona.match import matches, plain, sentence_templates
from guppylm.persona.template import TemplateError, Word, fill, parse

LISTS = {
    "food": [Word("flakes", "many"), Word("krill", "some"), Word("apple", "one"), Word("old pea", "one")],
    "place": [Word("near {food}"), Word("[far] away")],
}


def texts(template: str, draws: int = 300) -> set[str]:
    rng = random.Random(7)
    return {fill(parse(template), LISTS, {}, rng) for _ in range(draws)}


def test_a_slot_is_the_same_word_everywhere_in_a_conversation() -> None:
    rng = random.Random(1)
    for _ in range(100):
        bound: dict[str, Word] = {}
        prompt = fill(parse("do you like {food}"), LISTS, bound, rng)
        reply = fill(parse("{food}. yes"), LISTS, bound, rng)
        assert prompt.removeprefix("do you like ") == reply.removesuffix(". yes")


def test_a_numbered_slot_is_another_word() -> None:
    assert all(len(set(text.split(" or "))) == 2 for text in texts("{food} or {food2}"))


def test_words_agree_with_their_slot() -> None:
    assert texts("{is/are:food} {food} {a/some/no:food}") == {
        "are flakes some",
        "is krill no",
        "is apple a",
        "is old pea a",
    }


def test_articles_follow_the_sound() -> None:
    assert {"an apple", "an old pea", "a flakes", "a krill"} == texts("a {food}")
    assert texts("a {hour|unicorn|egg|useful egg}") == {"an hour", "a unicorn", "an egg", "a useful egg"}


def test_alternatives_nest_and_parts_are_optional() -> None:
    assert texts("{hi|{oh|ah} you} [there|fish] !") == {
        f"{greeting}{rest}!" for greeting in ("hi", "oh you", "ah you") for rest in (" there", " fish", "")
    }


def test_every_draw_is_fresh() -> None:
    assert len(texts("{food} {place}")) > 10


@pytest.mark.parametrize("broken", ["{hi", "hi}", "[hi", "hi | ho", "{}", "{hi there}", "{is:food}", "{a/b/c/d:food}"])
def test_a_broken_template_is_refused_with_a_reason(broken: str) -> None:
    with pytest.raises(TemplateError, match=r"[a-z]{3}"):
        parse(broken)


@pytest.mark.parametrize(
    "template",
    [
        "do you like {food}",
        "a {food} [or {food2}], {is/are:food2} it",
        "{food} {place}. {yes. no|maybe {food}}.",
        "{place}",
    ],
)
def test_a_template_matches_whatever_it_makes(template: str) -> None:
    for text in texts(template):
        assert matches(parse(template), plain(text), LISTS, {}), text


def test_a_template_matches_nothing_else() -> None:
    nodes = parse("do you like {food} [today]")
    for text in (
        "do you like",
        "do you like mud",
        "do you like krill to",
        "do you like krilltoday",
        "o you like krill",
    ):
        assert not matches(nodes, plain(text), LISTS, {}), text


def test_a_repeated_slot_matches_the_same_word_only() -> None:
    assert matches(parse("{food} and {food}"), "krill and krill", LISTS, {})
    assert not matches(parse("{food} and {food}"), "krill and flakes", LISTS, {})


def test_sentences_are_cut_out_of_alternatives() -> None:
    found = sentence_templates(parse("{yes. i do|no}. {food}."))
    assert len(found) == 4
    for text in ("yes", "i do", "no", "krill"):
        assert any(matches(sentence, text, LISTS, {}) for sentence in found), text
