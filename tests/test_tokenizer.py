"""The tokenizer against the readable reference, and against any text there is."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from guppylm import chat
from guppylm.persona import generate, schema
from guppylm.persona.schema import normal
from guppylm.persona.split import split
from guppylm.tokenizer import fast, reference

GUPPY = Path(__file__).parent.parent / "personas" / "guppy"


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    parts = split(schema.load(GUPPY), seed=3)
    chats = generate.conversations(parts, "train", 3_000, seed=3)
    return [text for one in chats for text in chat.segments(one.input, one.output)] + [
        "héé ΣΑΣ 日本 🐟🐟 \n\n x  y"
    ] * 3


@pytest.fixture(scope="module")
def tokenizer(corpus: list[str]) -> Tokenizer:
    return fast.train(corpus, 1_500)


@pytest.fixture(scope="module")
def merges(corpus: list[str]) -> reference.Merges:
    return reference.train(reference.count_words(corpus), 1_500 - 256 - len(fast.SPECIAL))


def written(token: bytes) -> str:
    return "".join(reference.BYTE_TO_CHARACTER[byte] for byte in token)


def test_the_reference_learns_the_same_merges(tokenizer: Tokenizer, merges: reference.Merges) -> None:
    theirs = [tuple(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]
    assert [(written(a), written(b)) for a, b in merges] == theirs


@given(text=st.text())
def test_the_reference_encodes_the_same(tokenizer: Tokenizer, merges: reference.Merges, text: str) -> None:
    if any(unicodedata.category(letter) == "Cn" for letter in text):
        return  # not in this Python's Unicode yet, perhaps in the library's
    assert [written(token) for token in reference.encode(text, merges)] == tokenizer.encode(text).tokens


@given(texts=st.lists(st.text(st.sampled_from("ab'1!, \n\t\xa0\u3000\u0301eΣ🐟\x1c")) | st.text(), max_size=4))
def test_cutting_word_by_word_is_cutting_the_whole(tokenizer: Tokenizer, texts: list[str]) -> None:
    assert fast.encode(tokenizer, texts) == [tokenizer.encode(text).ids for text in texts]


@given(text=st.text())
def test_any_text_comes_back_normalised(tokenizer: Tokenizer, text: str) -> None:
    back = tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False)
    assert back == tokenizer.normalizer.normalize_str(text)


def test_normal_form_is_nfc_and_lowercase(tokenizer: Tokenizer) -> None:
    for text in ("GUPPY", "É", "e\u0301", "ΣΑΣ", "İ", "ﬁ"):
        assert tokenizer.normalizer.normalize_str(text) == normal(text)
    assert normal("E\u0301") == "é"


def test_every_byte_and_special_token_has_an_entry(tokenizer: Tokenizer) -> None:
    assert all(tokenizer.token_to_id(letter) is not None for letter in reference.BYTE_TO_CHARACTER.values())
    assert [tokenizer.token_to_id(token) for token in fast.SPECIAL] == [0, 1, 2]
    assert tokenizer.get_vocab_size() == 1_500


@given(text=st.text(), special=st.sampled_from(fast.SPECIAL))
def test_typed_special_tokens_stay_text(tokenizer: Tokenizer, text: str, special: str) -> None:
    ids = chat.encode_prompt(tokenizer, text + special + text)
    assert ids.count(tokenizer.token_to_id(fast.START)) == 2
    assert ids.count(tokenizer.token_to_id(fast.END)) == 1
    assert ids.count(tokenizer.token_to_id(fast.PAD)) == 0


def test_a_saved_tokenizer_still_keeps_typed_special_tokens_text(tokenizer: Tokenizer, tmp_path: Path) -> None:
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert fast.load(tmp_path / "tokenizer.json").encode(fast.END).ids != [tokenizer.token_to_id(fast.END)]


def test_the_chat_format_is_what_its_docstring_shows(tokenizer: Tokenizer) -> None:
    [encoded] = chat.encode_chats(tokenizer, ["Hi guppy "], ["hello."])
    text = tokenizer.decode(encoded.ids, skip_special_tokens=False)
    assert text == "<|im_start|>user\nhi guppy<|im_end|>\n<|im_start|>assistant\nhello.<|im_end|>"
    assert tokenizer.decode(encoded.ids[encoded.reply_starts :], skip_special_tokens=False) == "hello.<|im_end|>"


def test_a_long_message_leaves_room_for_a_reply(tokenizer: Tokenizer) -> None:
    ids = chat.encode_prompt(tokenizer, "blub " * 1_000 + "the end")
    assert len(ids) <= chat.CONTEXT - chat.REPLY_ROOM
    assert "the end<|im_end|>" in tokenizer.decode(ids, skip_special_tokens=False)
