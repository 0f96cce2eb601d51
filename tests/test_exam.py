"""The harder questions: what they ask, and how replies to them are graded."""

from pathlib import Path

import pytest
from conftest import OWL, write_persona

from guppylm.evaluate.card import by_topic, grade
from guppylm.evaluate.judge import Judge
from guppylm.persona import check, schema
from guppylm.persona.exam import Question, exam
from guppylm.persona.generate import Conversation
from guppylm.persona.match import plain
from guppylm.persona.split import Split, split

MORE = """
    unknown = ["food"]
    unheard = ["sextant", "gasket"]
    asides = ["what a day"]
    joiners = [". "]
"""


@pytest.fixture
def parts(tmp_path: Path) -> Split:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + MORE, encoding="utf-8")
    night = (
        OWL["topics/night.toml"]
        + """
        [[exchange]]
        name = "what"
        nonsense = true
        say = ["mumble mumble"]
        reply = ["that was no owl's word."]
    """
    )
    (folder / "topics/night.toml").write_text(night, encoding="utf-8")
    return split(schema.load(folder), seed=4)


def test_the_sets_are_what_they_say(parts: Split) -> None:
    sets = exam(parts, 200, seed=1)
    assert set(sets) == {
        "slips in 10% of the words", "slips in 30% of the words", "slips in 60% of the words",
        "composed of two", "unheard words", "nonsense",
    }  # fmt: skip
    assert all(len(questions) == 200 for questions in sets.values())

    def spoiled(name: str) -> int:
        return sum(
            plain(a) != plain(b)
            for one in sets[name]
            for a, b in zip(one.text.split(), one.meant[0].input.split(), strict=True)
        )

    assert 0 < spoiled("slips in 10% of the words") < spoiled("slips in 30% of the words")
    assert spoiled("slips in 30% of the words") < spoiled("slips in 60% of the words")
    for one in sets["composed of two"]:
        assert one.text.endswith(one.meant[1].input)
        assert plain(one.text) == plain(f"{one.meant[0].input} {one.meant[1].input}")
    heard = {word for one in sets["unheard words"] for word in ("sextant", "gasket") if word in one.text}
    assert heard == {"sextant", "gasket"}
    assert exam(parts, 200, seed=1) == sets


def test_only_wordings_that_training_never_sees_are_asked(parts: Split) -> None:
    for name, questions in exam(parts, 100, seed=1).items():
        if name != "nonsense":
            assert not [one.text for one in questions for meant in one.meant if parts.leaks(meant.input)], name


def test_either_of_two_messages_may_be_answered_and_a_word_must_be_repeated_rightly(parts: Split) -> None:
    hungry = Conversation("are you hungry", "x", "food", "food/hungry", {})
    dark = Conversation("is it dark", "x", "night", "night/dark", {})
    judge = Judge(parts.persona)
    both = Question("is it dark. are you hungry", (dark, hungry))
    answers = [
        "dark is my best colour.",
        "always. bring it to the birch.",
        "the birch rocks me. i was asleep just now.",
        "eh.",
    ]
    grades = grade(judge, [both] * 4, [(text, True) for text in answers])
    assert (grades.on_topic, grades.well_formed, grades.repeated) == (0.75, 0.75, None)

    word = schema.Word("gasket")
    meant = Conversation("do you eat a gasket", "", "food", "food/hungry", {"food": word})
    asked = Question(meant.input, (meant,), unheard=("gasket",))
    answers = [
        "yes. gasket is what i dream of.",
        "always. bring gaskit to the birch.",
        "always. bring it to the oak.",
        "gasket.",
    ]
    grades = grade(judge, [asked] * 4, [(text, True) for text in answers])
    assert (grades.on_topic, grades.repeated) == (0.75, 0.5)


def test_topics_stand_worst_first_with_what_they_were_taken_for(parts: Split) -> None:
    hungry = Conversation("are you hungry", "x", "food", "food/hungry", {})
    dark = Conversation("is it dark", "x", "night", "night/dark", {})
    answers = [
        ("dark is my best colour.", True),
        ("always. bring it to the oak.", True),
        ("dark is my best colour.", True),
    ]
    judge, asked = Judge(parts.persona), [hungry, hungry, dark]
    verdicts = [judge.judge(one, text) for one, (text, _) in zip(asked, answers, strict=True)]
    topics, confusions, missed = by_topic(judge, asked, answers, verdicts)
    assert list(topics.items()) == [("food", 0.5), ("night", 1.0)]
    assert confusions == [("food", "night", 1)]
    assert [miss["output"] for miss in missed] == ["dark is my best colour."]


def test_check_finds_an_unheard_word_that_is_heard(tmp_path: Path) -> None:
    folder = write_persona(tmp_path / "owl")
    (folder / "persona.toml").write_text(OWL["persona.toml"] + 'unheard = ["snack", "birch"]', encoding="utf-8")
    complaints = list(check.check(schema.load(folder)))
    assert len(complaints) == 2
    assert "do you need a snack" in complaints[0]
    assert "word list 'tree', \"birch\"" in complaints[1]
