"""The one chat format: a message -> token ids, and which of them the loss looks at. No torch.

    <|im_start|>user
    hi guppy<|im_end|>
    <|im_start|>assistant
    hello. is it food time.<|im_end|>

The special tokens are put in as ids; what a person typed is encoded as text and never becomes one.
"""

from __future__ import annotations

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
    """The two runs of text between special tokens, as the tokenizer meets them."""
    return "user\n" + message.strip(), "assistant\n" + reply.strip()


class Encoded(NamedTuple):
    """A conversation as ids; from `reply_starts` on they are the reply's, its end token included."""

    ids: list[int]
    reply_starts: int


def encode_prompt(tokenizer: Tokenizer, message: str, context: int = CONTEXT) -> list[int]:
    """Ids up to where the reply begins. Of a message that is too long, the last part is kept."""
    start, end = fast.special_id(tokenizer, START), fast.special_id(tokenizer, END)
    text, newline = _encode(tokenizer, "user\n" + message.strip()), _encode(tokenizer, "\n")
    head = _encode(tokenizer, "user\n")
    tail = [end, *newline, start, *_encode(tokenizer, "assistant\n")]
    room = context - min(REPLY_ROOM, context // 2) - len(tail) - 1
    if len(text) > room:
        text = [*head, *text[-(room - len(head)) :]]
    return [start, *text, *tail]


def encode_chat(tokenizer: Tokenizer, message: str, reply: str, context: int = CONTEXT) -> Encoded:
    """Ids of a whole conversation, for training."""
    prompt = encode_prompt(tokenizer, message, context)
    ids = [*prompt, *_encode(tokenizer, reply.strip()), fast.special_id(tokenizer, END)]
    return Encoded(ids[:context], len(prompt))


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    text = text.encode(errors="replace").decode()  # half a surrogate pair, as argv may hold, is no character
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def reply_text(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Ids of a reply -> one line of text: half a character at the end waits, what cannot be shown is dropped."""
    text: str = tokenizer.decode(ids, skip_special_tokens=True)
    text = " ".join(text.replace("\ufffd", "").split())
    return "".join(letter for letter in text if letter.isprintable())
