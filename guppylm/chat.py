"""The one chat format: a message -> token ids, and which of them the loss looks at. No torch.

    <|im_start|>user
    hi guppy<|im_end|>
    <|im_start|>assistant
    <|thought:greeting|><|thought:greeting/hello|>hello. is it food time.<|im_end|>

The special tokens are put in as ids; what a person typed is encoded as text and never becomes one. Before the reply
stand its thoughts, two special tokens: the topic, then the exchange, as the model has understood them. They are no
text, so engines leave them out of the reply (but for one: docs/engines.md). Not every model has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from tokenizers import Tokenizer

from guppylm.tokenizer import fast
from guppylm.tokenizer.fast import END, START

CONTEXT = 128  # positions, the model's whole memory
REPLY_ROOM = 48  # positions that a long message must leave free for the reply

# The same format for transformers' `apply_chat_template`. There the rendered text is tokenized as a whole,
# so the brackets of anything that looks like a special token are pulled apart first.
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{{ message['content'] | trim | replace('<|', '< |') + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def segments(message: str, reply: str) -> tuple[str, str]:
    """The two texts of a conversation, as the tokenizer meets them between special tokens."""
    return "user\n" + message.strip(), "assistant\n" + reply.strip()


class Encoded(NamedTuple):
    """A conversation as ids; from `reply_starts` on come its thoughts, its reply and the end token."""

    ids: list[int]
    reply_starts: int
    message: range = range(0)  # where the person's own words stand

    def guessed_from(self, loss_on: str) -> int:
        """The first place whose token the model has to guess: the reply's first, or the second of all."""
        return self.reply_starts if loss_on == "reply" else 1


class _Frame(NamedTuple):
    """What stands around a message, as ids: `start`, `head`, the message, `tail`; and `end` after the reply."""

    start: int
    head: list[int]
    tail: list[int]
    end: int

    def prompt(self, text: list[int], context: int) -> list[int]:
        room = context - min(REPLY_ROOM, context // 2) - len(self.tail) - 1
        if len(text) > room:
            text = [*self.head, *text[-(room - len(self.head)) :]]
        return [self.start, *text, *self.tail]


def _frame(tokenizer: Tokenizer) -> _Frame:
    start, end = fast.special_id(tokenizer, START), fast.special_id(tokenizer, END)
    head, newline, answer = fast.encode(tokenizer, ["user\n", "\n", "assistant\n"])
    return _Frame(start, head, [end, *newline, start, *answer], end)


def encode_prompt(tokenizer: Tokenizer, message: str, context: int = CONTEXT) -> list[int]:
    """Ids up to where the reply begins. Of a message that is too long, the last part is kept."""
    return _frame(tokenizer).prompt(fast.encode(tokenizer, ["user\n" + message.strip()])[0], context)


def encode_chats(
    tokenizer: Tokenizer,
    messages: list[str],
    replies: list[str],
    context: int = CONTEXT,
    thoughts: Sequence[Iterable[str]] | None = None,
) -> list[Encoded]:
    """Ids of whole conversations, for training. A reply that does not fit is cut. The thoughts before each reply are
    left out if the tokenizer does not know them.
    """
    frame = _frame(tokenizer)
    asked = fast.encode(tokenizer, ["user\n" + message.strip() for message in messages])
    answered = fast.encode(tokenizer, [reply.strip() for reply in replies])
    known = {name: id for id, name in fast.thoughts(tokenizer).items()}
    chats = []
    for text, reply, named in zip(asked, answered, thoughts or [()] * len(messages), strict=True):
        prompt = frame.prompt(text, context)
        message = range(1 + len(frame.head), len(prompt) - len(frame.tail))
        thought = [known[name] for name in named if name in known]
        chats.append(Encoded([*prompt, *thought, *reply, frame.end][:context], len(prompt), message))
    return chats


def reply_text(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Ids of a reply -> one line of text: half a character at the end waits, what cannot be shown is dropped."""
    text: str = tokenizer.decode(ids, skip_special_tokens=True)
    text = " ".join(text.replace("\ufffd", "").split())
    return "".join(letter for letter in text if letter.isprintable())


def pieces(tokenizer: Tokenizer, reply: Iterable[int]) -> Iterator[str]:
    """Ids of a reply, one at a time -> its text in pieces, each as soon as its characters are whole."""
    ids: list[int] = []
    said = ""
    for token in reply:
        ids.append(token)
        text = reply_text(tokenizer, ids)
        if text.startswith(said) and len(text) > len(said):
            yield text[len(said) :]
            said = text


def special_ids(tokenizer: Tokenizer) -> tuple[int, list[int]]:
    """The id that ends a reply, and those that must never stand in one."""
    end, thoughts = fast.special_id(tokenizer, END), fast.thoughts(tokenizer)
    special = [id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    return end, [id for id in special if id != end and id not in thoughts]
