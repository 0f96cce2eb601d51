"""README.md of the dataset repository. The metadata's keys: https://huggingface.co/docs/hub/datasets-cards"""

from __future__ import annotations

from guppylm import markdown
from guppylm.hub import model_page
from guppylm.persona import schema
from guppylm.run import Run

SPLITS = {"train": "train.jsonl", "test": "test.jsonl"}
SIZES = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]


def text(place: Run, model_repo: str | None, dataset_repo: str | None, lines: dict[str, int]) -> str:
    """The page, as Markdown; `lines` are the conversations of each split."""
    introduced = schema.head(place.persona)
    name, model = markdown.plain(introduced.name), ""
    if model_repo:
        model = f"\nA model trained on them: [{model_repo}](https://huggingface.co/{model_repo}).\n"
    metadata = {
        **markdown.licence(introduced.license),
        "language": ["en"],
        "pretty_name": f"Conversations with {markdown.line(introduced.name)}",
        "task_categories": ["text-generation"],
        "size_categories": [size(sum(lines.values()))],
        "tags": ["guppylm", "synthetic", "conversational"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": split, "path": file} for split, file in SPLITS.items()],
            }
        ],
    }
    return f"""{markdown.front_matter(metadata)}# Conversations with {name}

About this character: {markdown.plain(introduced.about)}

{lines["train"]:,} conversations to train on and {lines["test"]:,} to measure with: one message, one reply, all small
letters. Every text was made by a program from templates that a person wrote; none comes from a chat of real people.
{model}
| key | what it is |
| --- | --- |
| `input` | what somebody says |
| `output` | what the character replies |
| `category` | the topic |

```python
from datasets import load_dataset

conversations = load_dataset("{dataset_repo or "PATH OF THIS FOLDER"}")  # splits: train, test
```

## How it was made
An exchange is one thing that people say, in many wordings, and replies that fit it. For each line the generator drew an
exchange, a wording and a reply, filled their slots with the same words, and roughened the message of the training split
(openers, asides, slips of the fingers, now and then nonsense). Whole wordings were held out for `test`: none of its
messages can be made from a wording of `train`, in any filling.

{model_page.origin(place)}

## What it cannot do
- It shows what one character says, and no facts about the world.
- Both splits come from the same person's templates: `test` measures new wordings, not new people.
- The same reply comes often, as a character's favourite sayings do, and the same message may come twice.
- It is English, and one message long: no conversation goes on.
"""


def size(conversations: int) -> str:
    """The hub's name for a number of lines.

    >>> size(600), size(60_000)
    ('n<1K', '10K<n<100K')
    """
    return next((name for limit, name in SIZES if conversations < limit), "n>1M")
