# %% [markdown]
# # A character of your own
#
# `train_guppylm.ipynb` makes a small fish that talks: text files go in, a *language model* comes out, a program that
# guesses a reply piece by piece. Here is the experiment that shows what made it a fish: we keep all of the code and
# swap the text files. First for a pirate, then for somebody who begins in this notebook with ten *exchanges*: ways to
# say one thing, and replies that fit it. Last, we count how many exchanges it takes. The notebook needs a few minutes
# on a free *GPU* (a graphics chip, good at multiplying many numbers at once), and about ten on two processor cores.
#
# The first cell installs the package, unless you have it. `SOURCE` is the folder of a clone, a wheel file, or the
# address of a git repository; on Colab or Kaggle put the address of the repository where you found this notebook there.

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
# To *train* is to show the model examples until its guesses are good. How long? A *preset* is a set of settings with a
# name, and a *knob* is one of the settings. All characters here get the same few *updates* (small steps in which the
# model gets better), so that they can be compared and you need not wait: `steps` is the number of updates, `batch` the
# conversations in each, `held_out` how many are kept for an exam. For a good character of your own, train longer at the
# end: `KNOBS = []` takes the whole preset.

# %%
import os
import shutil
from statistics import mean

import torch
from rich.console import Console

import guppylm
from guppylm import cached, config, files, generate, pipeline, weights
from guppylm.evaluate.judge import Judge
from guppylm.persona import check, schema
from guppylm.persona.generate import conversations
from guppylm.persona.split import split
from guppylm.run import Run
from guppylm.sample import Sampling

NOTEBOOK = "ipykernel" in sys.modules  # or a plain script
FEWER = {
    "cpu": "steps=200 batch=96 conversations=12000 held_out=300",
    "gpu": "steps=500 conversations=30000 held_out=500",
}

PRESET = os.environ.get("GUPPYLM_PRESET") or ("gpu" if torch.cuda.is_available() else "cpu")
KNOBS = os.environ.get("GUPPYLM_KNOBS", FEWER.get(PRESET, "")).split()
RUNS = Path("runs/notebook")

settings = config.configure(PRESET, dict(knob.split("=", 1) for knob in KNOBS))
print(f"preset {PRESET}: {settings.steps:,} updates, each with {settings.batch} conversations")

# The characters' texts come with a clone; a wheel brings the code alone.
places = [Path("personas"), Path("../personas"), CLONE / "personas", Path(guppylm.__file__).parents[1] / "personas"]
PERSONAS = next((folder for folder in places if folder.is_dir()), None)
if PERSONAS is None:
    raise FileNotFoundError("put the folder personas/ of the repository beside this notebook")


def tell(markdown):
    """Show a text with its tables and colours; in a script, print it."""
    if NOTEBOOK:
        from IPython.display import Markdown, display

        display(Markdown(markdown))
    else:
        print(markdown)


def train(texts, name):
    """A folder of text files -> a trained and measured model. It is what `guppylm train` does."""
    place = Run(RUNS / name)
    if not pipeline.whole_road(texts, place, settings, Console(force_jupyter=False, width=100)):
        raise KeyboardInterrupt("stopped; run this cell again to go on")
    return place


def talk(place, messages):
    model = weights.read_model(place).eval()
    tokenizer = weights.read_tokenizer(place, model.config)
    for number, message in enumerate(messages):
        print("you>", message)
        print("    ", generate.reply(model, tokenizer, message, Sampling(seed=number)))


def about(texts):
    """What a character's folder holds."""
    character = schema.load(texts)
    said = sum(len(exchange.say) for exchange in character.exchanges)
    replies = sum(len(exchange.reply) for exchange in character.exchanges)
    print(f"{character.name}: {character.about}")
    print(f"{len(character.topics)} topics, {len(character.exchanges)} exchanges")
    print(f"{said} ways to say them, {replies} replies")
    return character


# %% [markdown]
# ## The pirate
#
# Here is somebody else. His folder holds nothing but text: who he is (`persona.toml`), lists of words (`words.toml`),
# and a file for each *topic*, which is a number of *exchanges*: ways to say one thing, and replies that fit it.

# %%
pirate = about(PERSONAS / "pirate")
for file in sorted((PERSONAS / "pirate").rglob("*.toml")):
    print("  ", file.relative_to(PERSONAS))

exchange = next(one for one in pirate.exchanges if one.topic == "treasure")
print(f"\n{exchange.name}")
for template in exchange.say[:4]:
    print("   people say:", template.text)
for template in exchange.reply[:2]:
    print("   he says:   ", template.text)

# %% [markdown]
# `{a|b}` is one of the two, `[again]` is there or not, and a name in braces is a word of the list with that name. Each
# such *template* makes many sentences.
#
# Train him. What scrolls past: how many conversations were made, the *loss* (how surprised the model is at the right
# replies; it should fall), and at the end the report card: replies to *held-out* messages, made from templates that he
# has never seen. *On topic* is the share of replies that belong to what was asked.

# %%
trained_pirate = train(PERSONAS / "pirate", "pirate")

# %%
talk(
    trained_pirate, ["ahoy captain", "where is your treasure?", "do you like rum", "does your parrot talk", "hi guppy"]
)

# %% [markdown]
# What has changed? The texts, and so the vocabulary (the pieces of words that the model knows), and so the weights (the
# numbers that are the model). What has stayed? Everything else: the same program, the same layers, the same settings;
# only the table of tokens is longer or shorter. Nowhere in the code does it say fish or pirate. The character *is* the
# texts.
#
# ## Your own, from ten exchanges
#
# Now write one. To begin with, here is Puff, a small teapot who is sure that he is a dragon. Change him, or write
# somebody new: `TEXTS` holds the files as they will lie in the folder. Some advice from those who wrote the fish:
#
# - give each exchange at least five ways to say it, as different from each other as people are: one in ten, at least
#   one, is held out for the exam, and exchanges with fewer than five have none;
# - put the best reply first: it is given most often;
# - let the reply pick up what was said: `{biscuit}` is the same word in message and reply, and `{is/are:biscuit}`
#   agrees with it (`one` biscuit is, `many` crumbs are, `some` cake is); a third form is for `some`, as in
#   `{a/some/some:biscuit}`;
# - write small letters only; *a* becomes *an* where it should.

# %%
TEXTS = {
    "persona.toml": """
name = "puff"
about = "a small teapot who is sure that he is a dragon: warm, proud, a little chipped, and fond of biscuits."

# Asked again and again while the model trains. At least six.
prompts = [
    "hello puff", "are you a dragon", "do you breathe fire", "what do you guard", "are you afraid of the cat",
    "goodbye puff",
]

# Put around what people say, now and then.
openers = ["puff", "hey puff", "so", "tell me", "well"]
closers = ["puff", "little teapot", "please", "my friend"]
""",
    "words.toml": """
spot = ["kitchen shelf", "window sill", "stove", "bread board"]

[biscuit]
one = ["ginger biscuit", "oat biscuit", "lemon wafer"]
many = ["almond crumbs", "jam rings"]
some = ["shortbread", "honey cake"]
""",
    "topics/greeting.toml": """
topic = "greeting"
dress = false  # nobody says "tell me hello"

[[exchange]]
name = "hello"
say = [
    "hello", "hi [there]", "good {morning|evening}", "hello puff", "hi [little] teapot", "is {anybody|anyone} in",
    "nice to meet you", "greetings, {dragon|teapot}", "hey [you]",
]
reply = [
    "hello, traveller. you have found the cave of puff, the dragon of the {spot}.",
    "welcome. do not mind the smoke. it is only me, being fierce.",
    "hello. come closer, my fire is {warm|friendly} today.",
]

[[exchange]]
name = "goodbye"
say = [
    "goodbye [puff]", "bye", "i have to go [now]", "see you {later|tomorrow}", "good night", "i am leaving",
    "it is time {to go|for bed}", "farewell, {dragon|teapot}",
]
reply = [
    "goodbye, traveller. i will guard the {spot} until you are back.",
    "go in peace, and keep your hands warm.",
    "already. my lid rattles a little when people go.",
]
""",
    "topics/dragon.toml": """
topic = "dragon"

[[exchange]]
name = "are you a dragon"
say = [
    "are you a [real] dragon", "what are you", "who are you", "you are {only|just} a teapot",
    "is it true that you are a dragon", "you do not look like a dragon", "aren't you a teapot",
    "prove that you are a dragon",
]
reply = [
    "i am a dragon. a round one, with a handle, so that heroes can hold on.",
    "look at my spout. have you ever seen a teapot with such a {snout|nose}. well, then.",
    "i am puff, a dragon. the flowers on my belly are scales.",
]

[[exchange]]
name = "fire"
say = [
    "do you breathe fire", "can you {breathe|spit} fire", "is that smoke", "why are you {so warm|steaming}",
    "show me your fire", "what comes out of your spout", "are you hot inside", "may i see a flame",
]
reply = [
    "i breathe smoke. people call it steam, to be polite.",
    "my fire is brown and tastes of {lemon|honey}. i give it to my friends in cups.",
    "careful. ten minutes ago i was boiling. that is how angry a dragon gets.",
]
""",
    "topics/hoard.toml": """
topic = "hoard"

[[exchange]]
name = "treasure"
say = [
    "what do you guard", "do you have a {treasure|hoard}", "where is your {treasure|gold}", "what is in your cave",
    "are you rich", "may i see your {treasure|hoard}", "do you collect anything", "how much gold do you have",
]
reply = [
    "i guard the biscuit tin. nobody gets past me, except everybody.",
    "my hoard is one bent spoon and a lump of sugar. i count it every night.",
    "gold goes cold. i keep {a/some/some:biscuit} {biscuit} behind me, on the {spot}.",
]

[[exchange]]
name = "biscuits"
say = [
    "do you like {a/some/some:biscuit} {biscuit}", "would you like {a/some/some:biscuit} {biscuit}",
    "i brought you {a/some/some:biscuit} {biscuit}", "can i eat {a/some/some:biscuit} {biscuit}",
    "do dragons eat {biscuit}", "look, {a/some/some:biscuit} {biscuit}",
    "here {is/are:biscuit} {a/some/some:biscuit} {biscuit}",
    "shall i bake {a/some/some:biscuit} {biscuit} for you",
]
reply = [
    "{biscuit}. yes. {it is/they are/it is:biscuit} the best thing that can lie beside a dragon.",
    "put {it/them/it:biscuit} on my saucer. i will guard {it/them/it:biscuit} with my life.",
    "a knight once offered me {a/some/some:biscuit} {biscuit}. we are friends now.",
]
""",
    "topics/kitchen.toml": """
topic = "kitchen"

[[exchange]]
name = "home"
say = [
    "where do you live", "do you live in a {kitchen|cupboard}", "is this your home", "what is it like on the {spot}",
    "do you like the {spot}", "have you always lived here", "is the {spot} your cave", "tell me about the {spot}",
]
reply = [
    "i live on the {spot}, high above the crumbs.",
    "up here on the {spot} i can see all of my land, as far as the fridge.",
    "it is a cave with a window. people keep plates in it. i allow that.",
]

[[exchange]]
name = "the cat"
say = [
    "are you afraid of the cat", "who is the cat", "is the cat your friend", "does the cat bother you",
    "what about the cat", "do you fight [with] the cat", "the cat is {coming|watching you}", "do you like cats",
]
reply = [
    "the cat is a knight in a fur coat. she pushes {cups|spoons} off the {spot}. never me.",
    "we have a truce. she naps beside my belly, and i keep her warm.",
    "i am not afraid. i only sit a little closer to the wall when she comes.",
]
""",
    "topics/tea.toml": """
topic = "tea"

[[exchange]]
name = "a cup"
say = [
    "can you make [some] tea", "may i have a cup [of tea]", "i am {thirsty|cold}", "pour me a cup",
    "is there any tea [left]", "what kind of tea do you have", "i would love a hot cup of tea", "is the tea ready",
]
reply = [
    "hold out your cup. i bow, and it rains dragon fire. say when.",
    "{mint|apple|black} fire today, traveller. blow on it first.",
    "of course. a dragon who does not share his fire is only a hot stone.",
]

[[exchange]]
name = "how are you"
say = [
    "how are you [today]", "are you {full|empty}", "how do you feel", "are you {happy|well}", "is everything all right",
    "how is your day", "you look {sad|happy}", "what is on your mind",
]
reply = [
    "full to the brim, thank you. it is when i am empty that i brood.",
    "warm. somebody filled me this morning, and i have been proud since.",
    "a bit lukewarm. ask again when the kettle has sung.",
]
""",
}


def write(texts, folder):
    """The files of a character, in a folder of their own."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


mine = write(TEXTS, RUNS / "texts" / "mine")
character = about(mine)
faults = list(check.check(character))
print(*faults or ["no faults found"], sep="\n")

# %% [markdown]
# That was `guppylm check`. It looks for slips of grammar, for holes that nothing fills, and for messages that two
# topics could mean. Mend what it finds, then look at a few conversations that your texts make. Do they sound right?

# %%
for one in conversations(split(character, settings.seed), "train", count=8, seed=settings.seed):
    print(f"you>  {one.input}\n{character.name}> {one.output}")

# %% [markdown]
# And train. (If you change the texts or the settings and come back, the folder refuses to mix two trainings: choose
# another name in place of `"mine"` in the next cell, and of `"few"` further down.)

# %%
trained = train(mine, "mine")

# %%
talk(trained, [*character.prompts, "would you like an oat biscuit?", "what is the capital of france"])

# %% [markdown]
# To the last question it has no answer, and gives one anyway: whatever it was never told about is, to it, one of the
# things that it knows. There are only ten of these. So how many exchanges does it take?
#
# ## How many exchanges?
#
# We train once more with two of the five topics (`FEW` has the names of their files: if you wrote others, put two of
# yours there), and then ask both models the same messages, about all five. Two figures for each:
#
# - *of what it knows*: on topic among held-out messages about its own exchanges. This is how well it understands new
#   wordings. The pirate's is beside it;
# - *of what people ask*: on topic among held-out messages about all ten exchanges. Whoever knows four of ten things
#   cannot do well here, however clever.

# %%
FEW = ("greeting", "hoard")

kept = {name: text for name, text in TEXTS.items() if "/" not in name or Path(name).stem in FEW}
trained_few = train(write(kept, RUNS / "texts" / "few"), "few")

# %%
asked = list(conversations(split(character, settings.seed), "held_out", settings.held_out, seed=2))
judge = Judge(character)


def figures(name, place, same_questions=True):
    """A row of the table: what a model knows, and how it does."""
    model = weights.read_model(place).eval()
    tokenizer, knows = weights.read_tokenizer(place, model.config), schema.load(place.persona)
    share = ""
    if same_questions:
        replies = cached.greedy(model, tokenizer, [one.input for one in asked])
        share = f"{mean(judge.judge(one, reply).topic for one, (reply, _) in zip(asked, replies, strict=True)):.0%}"
    wordings = sum(len(exchange.say) for exchange in knows.exchanges)
    own = f"{files.read_json(place.report)['model']['on_topic']:.0%}"
    return f"| {name} | {len(knows.exchanges)} | {wordings} | {own} | {share} |"


lines = [
    "| | exchanges | ways to say them | on topic, of what it knows | on topic, of what people ask |",
    "| --- | --- | --- | --- | --- |",
    figures(f"{character.name}, two topics", trained_few),
    figures(f"{character.name}, all", trained),
    figures(pirate.name, trained_pirate, same_questions=False),
]
tell("\n".join(lines))

# %% [markdown]
# How to read it. Whoever knows fewer things tells them apart more easily, if there are equally many ways to say each;
# but can talk about less. (The two columns of the second row ask the same things; each drew its own messages from a
# handful of held-out ways to say them, so they differ by chance.) Ten exchanges make a character that is fun for a
# minute. With about sixty, as the pirate has, one can chat for a while; the fish has more than a thousand, and still
# gets asked what nobody thought of. Two things help at each size: more *ways to say* an exchange (that is how it learns
# to understand strangers), and a longer training.
#
# So write on. Copy the folder `runs/notebook/texts/mine` to a place of your own, add topics, and from time to time run
#
#     guppylm check my-character          # faults in the texts
#     guppylm data my-character --report  # which topics have the fewest ways to say them
#     guppylm train my-character          # the whole road
#     guppylm chat --model runs/my-character
