# %% [markdown]
# # Train a language model from scratch
#
# A *language model* is a program that guesses which piece of text comes next. Ask it again and again, and it writes. In
# this notebook you build one that speaks as **Guppy**, a small fish: friendly, curious, a little dumb. Nothing is
# downloaded ready-made. You begin with text files that describe the fish, and end with a fish that answers you.
#
# You need Python, and no machine learning: every term is explained where it first stands. Run the cells from top to
# bottom (Shift+Enter). It takes about 5 minutes on a free GPU, and 5 to 10 on two processor cores. A *GPU* is a
# graphics chip, which happens to be very good at multiplying many numbers at once; you can do without one.
#
# First, the package. The cell below does nothing if it is already installed. Otherwise it installs it from `SOURCE`:
# the folder of a clone, a wheel file, or the address of a git repository. On Colab or Kaggle, two websites that run
# notebooks and lend a GPU for nothing, put the address of the repository where you found this notebook between the
# quotes.

# %%
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

SOURCE = ".."  # the clone around this notebook; or a wheel; or the address of a git repository
CLONE = Path("guppylm-source")

if not all(map(find_spec, ["guppylm", "tokenizers", "torch", "matplotlib", "sklearn", "safetensors", "onnx", "gguf"])):
    place = SOURCE if "://" in SOURCE else Path(SOURCE).resolve().as_uri()
    if "://" in SOURCE and not SOURCE.endswith(".whl"):
        if not CLONE.exists():
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", SOURCE, CLONE], check=True)
        place = CLONE.resolve().as_uri()
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", f"guppylm[train] @ {place}"], check=True)
    invalidate_caches()
print("ready")

# %% [markdown]
# ## What we are going to do
#
# | step | in | out |
# | --- | --- | --- |
# | 1. data | text files about the fish | thousands of little conversations |
# | 2. tokenizer | conversations | numbers, since a computer cannot multiply words |
# | 3. model | numbers | a guess at the next number; at first, a silly one |
# | 4. training | conversations and silly guesses | better guesses |
# | 5. report card | messages it has never seen | honest figures |
# | 6. chat | your message | a reply |
# | 7. inside | one message | pictures of what went on |
# | 8. save | the model | a file to keep and to share |
#
# All of the work is done by the package `guppylm`. The notebook only calls it, and shows you the lines of it that are
# worth reading. So what you see is what runs. The arithmetic it leaves to *PyTorch* (`torch`), a library that
# multiplies large tables of numbers, on the processor or on a GPU (`cuda`). It calls such a table a *tensor*.

# %%
import contextlib
import io
import os
import random
import signal
import time
import zipfile
from statistics import mean

import torch
from matplotlib.figure import Figure
from rich.console import Console

import guppylm
from guppylm import chat, config, data, files, generate, records, runtime, sample, weights
from guppylm import model as transformer
from guppylm import train as training
from guppylm.evaluate.baselines import nearest_neighbour
from guppylm.evaluate.judge import Judge
from guppylm.explain.quoted import quote
from guppylm.explain.show import label
from guppylm.explain.speak import shown
from guppylm.explain.trace import trace
from guppylm.export import formats
from guppylm.persona import schema
from guppylm.persona.generate import conversations
from guppylm.persona.generate import read as read_chats
from guppylm.persona.match import plain
from guppylm.persona.split import split
from guppylm.prepare import prepare
from guppylm.run import Run, claim
from guppylm.sample import Sampling
from guppylm.tokenizer import fast, reference

NOTEBOOK = "ipykernel" in sys.modules  # or a plain script, which prints and draws nothing
if NOTEBOOK:
    from IPython.display import Image, Markdown, clear_output, display


def tell(markdown):
    """Show a text with its headings, tables and colours; in a script, print it."""
    if NOTEBOOK:
        display(Markdown(markdown))
    else:
        print(markdown)


def show(function):
    """Show the package's own source of a function or class."""
    found = quote(function)
    tell(f"`{found['file']}`, line {found['line']}\n\n```python\n{found['source']}\n```")


def picture(figure):
    """Show a drawing."""
    if NOTEBOOK:
        drawn = io.BytesIO()
        figure.savefig(drawn, dpi=80)
        display(Image(drawn.getvalue()))


def table(head, rows):
    """Show rows of texts as a table."""
    lines = [head, ["---"] * len(head), *rows]
    tell("\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines))


# %% [markdown]
# How long should it take? A *preset* is a set of settings with a name. If there is a GPU, we take the preset `gpu`,
# else `cpu` with fewer and smaller *updates* (the small steps in which the model gets better) than usual, so that you
# need not wait: `steps` is the number of updates, `batch` the conversations in each, `held_out` how many are kept for
# an exam. For the full training on a processor (1,400 updates, about 25 minutes) set `KNOBS = []`; for the best fish
# (some hours) also `PRESET = "release"`. A knob is one setting, like `"steps=600"`. If you change anything after
# you have begun, change the folder's name in `RUN` too: a folder holds one training, and refuses to mix two.

# %%
SHORTER = {"cpu": "steps=400 batch=64 conversations=28000 held_out=2000 evaluate_every=50"}

PRESET = os.environ.get("GUPPYLM_PRESET") or ("gpu" if torch.cuda.is_available() else "cpu")
KNOBS = os.environ.get("GUPPYLM_KNOBS", SHORTER.get(PRESET, "")).split()
RUN = Run(Path("runs/notebook-guppy"))

settings = config.configure(PRESET, dict(knob.split("=", 1) for knob in KNOBS))
print(f"preset {PRESET}: {settings.steps:,} updates, each with {settings.batch} conversations")

# The characters' texts come with a clone; a wheel brings the code alone.
places = [Path("personas"), Path("../personas"), CLONE / "personas", Path(guppylm.__file__).parents[1] / "personas"]
PERSONAS = next((folder for folder in places if folder.is_dir()), None)
if PERSONAS is None:
    raise FileNotFoundError("put the folder personas/ of the repository beside this notebook")

# %% [markdown]
# ## 1. Data: a character made of text
#
# A model learns from examples: here, short conversations with a message, also called a *prompt*, and a reply. Nobody
# types fifty thousand of them. Somebody who knows the fish has written its *persona*: a folder of *exchanges*, each
# with ways to say one thing, and replies that fit. A few of them, about food:

# %%
persona = schema.load(PERSONAS / "guppy")
wordings = sum(len(exchange.say) for exchange in persona.exchanges)
print(f"{persona.name}, {persona.about}")
print(f"{len(persona.topics)} topics, {len(persona.exchanges):,} exchanges, {wordings:,} ways to say them\n")

for exchange in [one for one in persona.exchanges if one.topic == "food"][:3]:
    print(exchange.name)
    for template in exchange.say[:4]:
        print("   people say:", template.text)
    for template in exchange.reply[:2]:
        print("   guppy says:", template.text)
    print()

# %% [markdown]
# A text with holes like these is called a *template*. `{food}` is a hole for any word of a list, and it is the same
# word in message and reply. `{hi|hello}` is one of the two, and `[again]` is there or not. A few templates make very
# many sentences. The generator draws an exchange, a wording and a reply at random, and now and then makes a slip of the
# fingers, as people do. The number that random draws start from is the *seed*: the same seed, the same conversations.

# %%
parts = split(persona, settings.seed)
for one in conversations(parts, "train", count=8, seed=settings.seed):
    print(f"[{one.category}]\n  you>   {one.input}\n  guppy> {one.output}")

# %% [markdown]
# ### The exam, and how to cheat in it
#
# Later we want to know how good the fish is. So some messages are kept out of the training and used as an exam. To
# *hold out* messages honestly is harder than it looks. The usual way is to shuffle all conversations and put a few
# aside: a *random split*. But our conversations come from templates. If "do you like flakes" is in the exam and "do you
# like worms" in the training, the exam asks what was practised; often even word for word. It then measures memory, and
# not understanding. That is called a *leak*.
#
# So here one template in ten is held out whole: no filling of it is ever trained on. Below is what either exam would
# tell us about a rival that learns nothing at all: *nearest neighbour* looks up the most similar message it knows (the
# one that shares the most words, rare ones counting more), and gives the reply that stands there. "Word for word" is
# the share of exam messages that also stand in training; "on topic" is the share of looked-up replies that belong to
# the topic that was asked about (`Judge` can tell, since it knows every template). The distance between the two rows of
# a character is what the random split would have made up. A second character, a pirate with fewer texts, is in the
# table as well, since the fewer the templates, the worse the leak.


# %%
def exams(character, count, questions, seed=1):
    """What an exam from a random split, and one from held-out templates, say about a lookup."""
    halves, judge = split(character, seed), Judge(character)
    drawn = list(conversations(halves, "train", count, seed))
    random.Random(seed).shuffle(drawn)
    careless, practised = drawn[:questions], drawn[questions:]
    honest = list(conversations(halves, "held_out", questions, seed))
    known = {plain(one.input) for one in practised}
    for name, asked in (("random split", careless), ("whole templates held out", honest)):
        replies = nearest_neighbour(practised, [one.input for one in asked])
        on_topic = mean(judge.judge(one, reply).topic for one, reply in zip(asked, replies, strict=True))
        yield [character.name, name, f"{mean(plain(one.input) in known for one in asked):.1%}", f"{on_topic:.1%}"]


count, questions = min(20_000, settings.training), min(500, settings.held_out)
characters = (persona, schema.load(PERSONAS / "pirate"))
rows = [row for character in characters for row in exams(character, count, questions)]
table(["character", "exam", "word for word in training", "a mere lookup is on topic"], rows)

# %% [markdown]
# ## 2. Tokenizer: from text to numbers
#
# A model calculates, so text has to become numbers. One number for each letter would make texts long, one for each word
# would need a list of all words. In between are *tokens*: pieces of text that occur often, each with a number, its
# *id*. All tokens together are the *vocabulary*. How are they found? By *byte-pair encoding*: begin with single bytes
# (a letter of English is one byte), look for the two neighbours that stand together most often, make them one new
# token, and look again. Each such step is a *merge*. This is all of it, but for two helpers: `_count` keeps the tally
# of neighbours, `_merge` joins a pair in a word.

# %%
show(reference.train)

# %% [markdown]
# Watch it learn from a handful of words, then see a word with more and more of these merges:

# %%
words = reference.count_words(
    ["bubbles and bubbles", "a bubble in trouble", "double bubbles", "the trouble with bubble"]
)
merges = reference.train(words, merges=12)
for number, (left, right) in enumerate(merges, 1):
    print(f"merge {number:2}: {label(left.decode()):>8} + {label(right.decode())}")
for number in (0, 2, 4, 8, 12):
    tokens = reference.encode_word(b" bubbles", merges[:number])
    print(f"after {number:2} merges: {' | '.join(label(token.decode()) for token in tokens)}")

# %% [markdown]
# (`·` stands for a space. A word keeps the space before it, so that tokens can simply be joined to get the text back.)
#
# Now the real one. The next cell draws the conversations, writes them into the run folder, and trains a tokenizer on
# the training part with a fast library that makes the same merges. This is the first half of the command `guppylm
# train`; the second half will go on from here.

# %%
with claim(PERSONAS / "guppy", RUN, settings):
    prepare(persona, RUN, settings, Console(force_jupyter=False, width=100))
tokenizer = fast.load(RUN.tokenizer)


def labels(ids):
    return [label(shown(tokenizer, id)) for id in ids]


for text in ("do you like bubbles?", "hello little fish", "antidisestablishmentarianism", "¿te gustan las burbujas?"):
    ids = fast.encode(tokenizer, [text])[0]
    print(f"{text}\n   {' | '.join(labels(ids))}\n   {ids}")

# %% [markdown]
# Common words are one token, strange ones fall into pieces, and nothing gets lost. (A � is one byte of a letter that
# has two.) Capital letters become small ones,
# since a fish does not care.
#
# A conversation is more than its text: the model must see who speaks, and where a reply ends. *Special tokens* mark
# that: `<|im_start|>` begins what somebody says, `<|im_end|>` ends it. `user` is you, `assistant` is the fish, and `\n`
# ends a line. No text that you type can become a special token. Below, first what the model sees before it replies,
# then a whole conversation that it learns from. After `assistant` stand two special tokens that nobody will hear, its
# *thoughts*: before it speaks, it tells itself what it has understood, first the topic, then the *exchange*, the very
# matter. Large models think aloud for the same reason: what has been written down once, every further token can build
# on.

# %%
message = "do you like bubbles?"
print(" | ".join(labels(chat.encode_prompt(tokenizer, message))))
whole = conversations(parts, "train", count=1, seed=settings.seed)
print(" | ".join(labels(data.encode_all(tokenizer, whole, chat.CONTEXT)[0].ids)))

# %% [markdown]
# ## 3. Model: a machine that guesses the next token
#
# The model is a *transformer*, the kind of machine that all well-known chat models are. Token ids go in; out comes one
# score for every token of the vocabulary, saying how well it would fit as the next one. These scores are called
# *logits*. In between are almost only multiplications and additions with numbers called *weights* or *parameters*. Most
# begin at random, and learning means to find better ones. Ours has a few million; the big ones have hundreds of
# billions.
#
# On the way, every token is a list of 384 numbers, a *vector*. It begins as the token's *embedding*, a row of a big
# table, plus a row of a second table for its position. Then it passes six *layers* (or blocks), each of which adds
# something to it. What is handed on from layer to layer is the *residual stream*: a notepad that each layer reads and
# writes. In the code, a comment like `(B, T, D)` gives the shape of a table of numbers: B conversations, T tokens in
# each, D = 384 numbers for each. T is at most 128, the *context*: the model sees no more at once. Further on, V is the
# size of the vocabulary, L the number of layers, and N that of the tokens to guess.
#
# `norm`, `attn` and `ffn` come below. `dropout` would set some numbers to zero at random, and is off here; `at` says
# after which tokens a guess is wanted.

# %%
show(transformer.Transformer.hidden)
show(transformer.Block.forward)

# %% [markdown]
# A layer has two parts. The first is *attention*: each token looks at itself and the tokens before it and gathers what
# it finds useful. To do so it asks a question (a *query*, `q`), each of these holds up a sign (a *key*, `k`), and where
# the two fit, it takes what that token has to give (a *value*, `v`). All three are made from the token's vector with a
# table of weights (`qkv`): each new number is a sum of all the old ones, each times a weight of its own. How well do
# two fit? Multiply their numbers pair by pair, and add up (`@` does so for all at once; divided by the root of 64, the
# sum of 64 such terms stays small). `softmax` turns the scores of fit into shares that add up to 1: it takes e to the
# power of each, and divides by the sum. Six *heads* (H) do that side by side, each with 64 of the 384 numbers and
# looking for something of its own; `out` mixes what they have found. The future is hidden (its scores become minus
# infinity, its shares 0), or guessing the next token would be no art.

# %%
show(transformer.Attention.forward)

# %% [markdown]
# The second part, *feed-forward*, lets each token think on its own about what it has gathered: two multiplications with
# tables of weights (`up` and `down`; F = 768 numbers in between), and between them negative numbers become zero
# (`relu`; the `F` before it is a part of PyTorch). Without such a bend, all layers together could do no more than one.
# `norm1` and `norm2` in the block bring the numbers to a common size, so that nothing grows out of hand.
#
# At the end the stream is compared with every token's embedding; the better they fit, the higher the logit. This last
# step is also called *the head*; it has nothing to do with the heads of attention.

# %%
show(transformer.FeedForward.forward)
show(transformer.Transformer.logits)

# %% [markdown]
# Let us make one, with random weights, and count these by part:

# %%
untrained = training.new_model(settings, tokenizer.get_vocab_size()).eval()

PARTS = {"tok_emb": "token embeddings", "pos_emb": "position embeddings", "attn": "attention", "ffn": "feed-forward"}
sizes = {}
for name, weight in untrained.named_parameters():
    part = next((part for key, part in PARTS.items() if key in name), "norms")
    sizes[part] = sizes.get(part, 0) + weight.numel()
rows = [[part, f"{size:,}", f"{size / sum(sizes.values()):.1%}"] for part, size in sizes.items()]
table(["part", "parameters", "share"], [*rows, ["all", f"{sum(sizes.values()):,}", ""]])

print("you>  ", message)
print("model>", generate.reply(untrained, tokenizer, message, Sampling(seed=1))[:200])

# %% [markdown]
# It has learned nothing yet, and sounds like it.
#
# ## 4. Training: being surprised less and less
#
# We need a number that says how wrong the model is. At each token of a known reply, take the probability that the model
# gave to that token (`softmax` makes probabilities of the logits), and call minus its natural logarithm (ln) the
# *surprise*. A model that was sure and right has a surprise of 0; one that thinks all tokens equally likely has
# ln(vocabulary), about 8.3 for 4,096 tokens. The mean surprise is the *loss* (its full name is cross-entropy, its unit
# the *nat*: one nat is the surprise at what had a probability of 1/e, or 37%). Training makes it small. In the code,
# `targets` are the tokens that truly came next.

# %%
show(training.token_losses)

# %%
example = next(read_chats(RUN.eval_data))
row = data.encode_all(tokenizer, [example], chat.CONTEXT)[0]


def surprises(model):
    """How surprised the model is at each token of the reply, with all of the true tokens before it in view."""
    with torch.inference_mode():
        losses = training.token_losses(model, data.collate([row])).tolist()
    print(f"you> {example.input}")
    for text, loss in zip(labels(row.ids[row.reply_starts :]), losses, strict=True):
        print(f"{text:>14}  {loss:5.2f}  {'#' * round(3 * loss)}")
    print(f"{'loss':>14}  {mean(losses):5.2f}")


surprises(untrained)

# %% [markdown]
# One *update* of the weights: take a handful of conversations (a *batch*), compute the loss, and ask PyTorch for the
# *gradient*: for each weight, whether, and how fast, the loss would grow or shrink if the weight were a little larger.
# (PyTorch remembers how the loss was calculated and goes back step by step: `autograd.backward`.) Then move each weight
# a little the other way. How far is the *learning rate* (`lr`): it rises for a few updates, then falls slowly to almost
# nothing. The part that decides on the exact move is the *optimizer*. That is the whole secret; the rest is doing it
# many times.
#
# Much of the code below is housekeeping. `weigh` makes the first tokens of a reply count more, `depth` says how many
# layers learn already, and `clip_grad_norm_` shortens a gradient that is too long. `how` and `scaler` look after short,
# quick number formats (`fp16` has 16 bits), `accumulate` after machines with little memory, `team` after several
# processes that share the work.

# %%
show(training.update)

# %% [markdown]
# Now go. The next cell starts `guppylm train` as a program of its own and reads every few seconds what it writes down.
# You see the loss on the batches it trains on (thin), and on held-out conversations (dots), which are the ones that
# count: if the thin line fell and the dots did not, the model would only be learning by heart, which is called
# *overfitting*. Below the curve are its replies so far to the same few messages. At first there is noise, then single
# words, then sentences that have nothing to do with the question, and at last replies.
#
# You may stop it (the square button). Run the cell again and it goes on where it was, from a *checkpoint*: a file with
# all that the training needs for that.


# %%
def loss_curve(place):
    """The loss over the updates so far."""
    written = records.read(place.metrics)
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    for key, name, style in (("loss", "training batch", "-"), ("held_out_loss", "held out", "o-")):
        points = [(line["step"], line[key]) for line in written if key in line]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=name, linewidth=0.8 if key == "loss" else 1.6)
            axes.legend()
    axes.set(xlabel="update", ylabel="loss (nats a token)", xlim=(0, settings.steps), ylim=(0, None))
    axes.grid(alpha=0.3)
    return figure


def look(place):
    """Draw what the training has written down so far, in place of the last drawing."""
    updates = [line for line in records.read(place.metrics) if "loss" in line]
    samples = records.read(place.samples)
    if NOTEBOOK:
        clear_output(wait=True)
        picture(loss_curve(place))
    if not updates:
        print("getting ready: the conversations become tokens")
    elif updates[-1]["step"] == settings.steps:
        print("trained; now it is measured")
    else:
        last, usual = updates[-1], mean(line["ms"] for line in updates[-20:]) / 1000
        left = records.duration((settings.steps - last["step"]) * usual)
        print(f"update {last['step']:,} of {settings.steps:,}, loss {last['loss']:.3f}, {left} left")
    for one in samples:
        if NOTEBOOK and one["step"] == samples[-1]["step"]:
            print(f"you> {one['input']}\n     {one['output'][:110]}")


def watch(place, character, seconds):
    """`guppylm train` in a process of its own, looked at now and then."""
    command = [sys.executable, "-m", "guppylm", "train", character, "-o", place.folder, "--preset", PRESET]
    command += [word for knob in KNOBS for word in ("--set", knob)]
    log = place.folder / "training.log"
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(seconds)
                look(place)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)  # it finishes the update at hand and writes all down
            process.wait()
            print("stopped; run this cell again to go on")
            raise
    if process.returncode != 0:
        raise RuntimeError(log.read_text(encoding="utf-8")[-2000:])


began = time.perf_counter()
watch(RUN, PERSONAS / "guppy", seconds=5 if PRESET == "gpu" else 10)
print(f"trained and measured in {records.duration(time.perf_counter() - began)}")

# %% [markdown]
# How it learned to speak: one message, asked again and again on the way.

# %%
asked = persona.prompts[0]
print(f"you> {asked}\n")
for one in records.read(RUN.samples):
    if one["input"] == asked:
        print(f"after {one['step']:>5,} updates: {one['output'][:120]}")

# %% [markdown]
# And the same reply as before, token by token. Where is it still surprised? Mostly at its thoughts, where it
# has to understand, and at the first word, where one of several good replies is chosen. The middle of a reply is mere
# reciting, and there is little left to be surprised at.

# %%
fish = weights.read_model(RUN).eval()
surprises(fish)

# %% [markdown]
# ## 5. Report card: how good is it?
#
# When the training was done, `guppylm` asked the model held-out messages, made from templates it has never seen, and
# compared each reply with the character's own texts. Beside it stand two rivals. *Nearest neighbour* you know: it looks
# up the most similar message. The *n-gram* model (an n-gram is n words in a row) is what language models were before
# transformers: it goes on with the word that most often followed the last few words. If our model is not better than
# these, it was not worth it. (After a few hundred updates it may be no better yet; after the full training it is.)
#
# How to read the loss: *perplexity* is the number of equally likely tokens that would leave one just as undecided (e to
# the power of the loss). *Bits a byte* is the same surprise per byte of text and in *bits* (one bit is the surprise at
# a coin toss, 0.69 nats), so that models with other tokenizers can be compared.

# %%
report = files.read_json(RUN.report)
print(f"{report['held_out']:,} held-out conversations: loss {report['loss']:.3f} nats a token, "
      f"perplexity {report['perplexity']:.2f}, {report['bits_per_byte']:.3f} bits a byte")  # fmt: skip

MEANING = {
    "on_topic": "belongs to the topic that was asked about: did it understand?",
    "on_exchange": "answers the very thing that was asked",
    "well_formed": "every sentence is one that the character could say",
    "exact": "... and the whole reply is one of the character's",
    "recombined": "... and its sentences come from different replies",
    "ended": "came to its end by itself, and did not ramble on",
    "lowercase": "has no capital letters: this fish has none",
    "faulty": "has a fault of language, like a word said twice; here less is better",
    "words": "mean length of a reply in words",
    "copied": "stands in the training conversations word for word: no fault, the character has favourite sayings",
}
RIVALS = ("model", "nearest_neighbour", "n_gram")
rows = [
    [
        key.replace("_", " "),
        *(f"{report[rival][key]:.1f}" if key == "words" else f"{report[rival][key]:.0%}" for rival in RIVALS),
        meaning,
    ]
    for key, meaning in MEANING.items()
]
table(["of the replies", report["persona"], "nearest neighbour", "n-gram", "what it means"], rows)

# %% [markdown]
# Then it was asked harder things: messages with slips of the fingers, two messages as one, words it has never heard,
# and nonsense. To the last two a good reply is to be puzzled, and that is what "on topic" counts there.

# %%
rows = [
    [name, figures["asked"], f"{figures['on_topic']:.0%}", f"{figures['well_formed']:.0%}"]
    for name, figures in report["harder"].items()
]
table(["harder", "asked", "on topic", "well formed"], rows)
print("least understood:", ", ".join(f"{topic} {share:.0%}" for topic, share in list(report["topics"].items())[:6]))
for one in report["off_topic"][:3]:
    print(f"missed:  you> {one['input']}\n         {one['output']}")

# %% [markdown]
# ## 6. Chat
#
# Talk to it. Write your own messages into the list. It answers one message at a time and remembers nothing: this model
# has room for 128 tokens, and was trained on single exchanges.

# %%
MESSAGES = ["hi guppy", "do you like bubbles?", "what did you dream of", "tell me a joke", "are you afraid of the cat"]

for number, text in enumerate(MESSAGES):
    print("you>  ", text)
    print("guppy>", generate.reply(fish, tokenizer, text, Sampling(seed=number)))


# %%
def chat_box(reply):
    """A line to type into, where the notebook has widgets."""
    try:
        import ipywidgets as widgets
    except ImportError:
        print("for a line to type into: pip install ipywidgets, and restart. Or write into the list above.")
        return
    line = widgets.Text(placeholder="say something, and press Enter", continuous_update=False)
    said = widgets.Output()

    def answer(change):
        if change["new"].strip():
            with said:
                print(f"you>   {change['new']}\nguppy> {reply(change['new'])}")
            line.value = ""

    line.observe(answer, names="value")
    display(said, line)


if NOTEBOOK:
    chat_box(lambda text: generate.reply(fish, tokenizer, text, Sampling()))

# %% [markdown]
# ## 7. Inside
#
# ### Attention
#
# Where does each head look? In each square, a row is a token and its columns are the tokens it can look at, itself and
# those before; the darker, the more of its attention goes there. Half of the heads of the first layer begin their life
# looking one, two or three places back (a dark stripe beside the diagonal), which makes learning quicker. Set `LAYER`
# to see another one. With the preset `cpu`, only the first two layers learn for most of the time, and the others add
# little.

# %%
LAYER = 1

ids = chat.encode_prompt(tokenizer, message)
seen = trace(fish, ids)
heads = seen.attention[LAYER - 1]  # (H, T, T)
figure = Figure(figsize=(10, 7), layout="constrained")
for number, axes in enumerate(figure.subplots(2, len(heads) // 2).flat):
    axes.imshow(heads[number].numpy(), cmap="Blues", vmin=0, vmax=1)
    axes.set_title(f"layer {LAYER}, head {number + 1}", fontsize=9)
    axes.set_xticks(range(len(ids)), labels(ids), rotation=90, fontsize=7)
    axes.set_yticks(range(len(ids)), labels(ids) if number % (len(heads) // 2) == 0 else [""] * len(ids), fontsize=7)
picture(figure)

# %% [markdown]
# ### What does it think?
#
# The first two tokens after the message are its thoughts: the topic, then the exchange. Here are the topics that it
# takes the message for, likeliest first, and what it settles on.

# %%
end, forbidden = chat.special_ids(tokenizer)
shares = seen.logits[-1].softmax(-1)
for id in shares.argsort(descending=True)[:5].tolist():
    print(f"{float(shares[id]):6.1%}  {label(shown(tokenizer, id))}")
said = list(generate.generate(fish, ids, end, forbidden, Sampling(temperature=0)))
thoughts = [id for id in said[:2] if id in fast.thoughts(tokenizer)]
print("it thinks:", " ".join(fast.thoughts(tokenizer)[id] for id in thoughts))

# %% [markdown]
# ### From scores to a word
#
# The logits become probabilities (`softmax` again), and one token is drawn, like a ball from an urn. Three knobs bend
# the odds before the draw:
#
# - *temperature*: the scores are divided by it. Below 1 the likely gets likelier, and the fish says the expected; above
#   1 it gets adventurous. At 0 it always takes the likeliest, which is called *greedy*;
# - *top-k*: only the k likeliest tokens stay in the urn;
# - *top-p*: only the likeliest tokens that together make up the share p stay.
#
# Below are the code, and bars for the probabilities of the ten likeliest tokens.

# %%
show(sample.probabilities)

# %%
seen = trace(fish, [*ids, *thoughts])
logits = seen.logits[-1].numpy().copy()  # after the message and the thoughts: the scores of the first word
logits[forbidden] = float("-inf")
ways = {
    "as the model thinks": Sampling(temperature=1, top_k=None, top_p=1),
    "temperature 2": Sampling(temperature=2, top_k=None, top_p=1),
    "temperature 0.4": Sampling(temperature=0.4, top_k=None, top_p=1),
    "top-k 3": Sampling(temperature=1, top_k=3, top_p=1),
    "top-p 0.8": Sampling(temperature=1, top_k=None, top_p=0.8),
}
likeliest = logits.argsort()[::-1][:10]
figure = Figure(figsize=(11, 3), layout="constrained")
for axes, (name, way) in zip(figure.subplots(1, len(ways), sharey=True), ways.items(), strict=True):
    axes.barh(range(len(likeliest)), sample.probabilities(logits, way)[likeliest])
    axes.set_yticks(range(len(likeliest)), labels(likeliest.tolist()), fontsize=8)
    axes.set(title=name, xlim=(0, 1))
figure.axes[0].invert_yaxis()
picture(figure)

# %% [markdown]
# The same message at three temperatures, three times each:

# %%
for temperature in (0, 0.4, 1.5):
    print(f"temperature {temperature}")
    for seed in range(3):
        print("  ", generate.reply(fish, tokenizer, message, Sampling(temperature=temperature, seed=seed)))

# %% [markdown]
# ### When does it know?
#
# The residual stream can be read after each part of each layer, as if the model had to speak already. That is called
# the *logit lens*. From top to bottom you see the first word of the reply take shape.

# %%
lens = seen.lens[:, -1].clone()  # (2L+1, V): one row for each depth
lens[:, forbidden] = float("-inf")
depths = ["the last token itself"]
depths += [f"layer {layer + 1}, {part}" for layer in range(len(fish.blocks)) for part in ("attention", "feed-forward")]
rows = []
for depth, shares in zip(depths, lens.softmax(-1), strict=True):
    best = shares.topk(3)
    guesses = zip(labels(best.indices.tolist()), best.values.tolist(), strict=True)
    rows.append([depth, *(f"`{text}` {share:.0%}" for text, share in guesses)])
table(["read after", "likeliest", "second", "third"], rows)

# %% [markdown]
# ## 8. Keep it
#
# The run folder is a model folder as `transformers` expects it, a library of Hugging Face, the website where most
# models are shared. For phones, browsers and small computers it can also be *exported*: the last cell writes it in the
# file format *ONNX* for ONNX Runtime, a small engine that needs no PyTorch, with its weights rounded from 32 to 8 bits
# each, under a third of the size. Rounding changes a reply now and then, so the export is held against the original and
# thrown away if it disagrees too often (not with the preset `quick`, a taste of a few updates, whose replies a breath
# of wind changes). Then all goes into one zip file.

# %%
exported = RUN.folder / "onnx-8bit"
found = formats.export(RUN, exported, "onnx-8bit", check=PRESET != "quick")
if found:
    found.show(Console(force_jupyter=False))
small = runtime.load(exported)
print("you>  ", message)
print("guppy>", small.reply(message, Sampling(seed=1)))

LEFT_OUT = {"checkpoint", "growing", "data", ".lock", "training.log"}  # what nobody needs who only wants to chat
archive = RUN.folder.with_suffix(".zip")
with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
    for file in sorted(RUN.folder.rglob("*")):
        inside = file.relative_to(RUN.folder)
        if file.is_file() and inside.parts[0] not in LEFT_OUT:
            packed.write(file, Path(RUN.folder.name) / inside)
print(f"{archive}: {archive.stat().st_size / 1e6:.0f} MB")

# %% [markdown]
# That was a language model, from text files to a file that speaks. To talk to it in a terminal: `guppylm chat --model
# runs/notebook-guppy`. To see each word of a reply explained: `guppylm explain runs/notebook-guppy "hi guppy"`.
#
# Where to go on: `your_character.ipynb` makes somebody else out of other text files, with the same code. Or turn a knob
# here and see what breaks: `KNOBS = ["layers=1"]`, `["looking_back=false"]` (without that
# head start of the first layer's heads), `["learning_rate=0.04"]` (ten times the usual one).
