# %% [markdown]
# # Talk to Guppy
#
# Guppy is a small fish, and a small *language model*: a program that guesses a reply piece by piece. Somebody has
# *trained* it already, on many examples, and it comes with the package `guppylm`. Here you only talk to it. No graphics
# chip is needed and no PyTorch (the library that training calculates with), and it answers at once.
#
# The first cell installs the package, unless you have it. `SOURCE` is the folder of a clone, a wheel file, or the
# address of a git repository. On Colab or Kaggle, which run notebooks in your browser, put the address of the
# repository where you found this notebook there.

# %%
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path

SOURCE = ".."  # the clone around this notebook; or a wheel; or the address of a git repository

if not all(map(find_spec, ["guppylm", "onnxruntime", "tokenizers"])):
    place = SOURCE if "://" in SOURCE else Path(SOURCE).resolve().as_uri()
    if "://" in SOURCE and not SOURCE.endswith(".whl"):
        place = f"git+{SOURCE}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", f"guppylm @ {place}"], check=True)
    invalidate_caches()
print("ready")

# %% [markdown]
# Wake the fish. These are messages that it was asked again and again while it learned:

# %%
from guppylm import runtime
from guppylm.sample import Sampling

fish = runtime.load()
print(f"{fish.name} is awake. You could say: {', '.join(fish.prompts[:6])}.")

# %% [markdown]
# Write your own messages into the list. Each is answered for itself, since the fish remembers nothing.
#
# *Temperature* says how freely it speaks: at 0 it always takes the piece that it finds likeliest, at 1 what comes to
# its mind, and at 2 it should see a doctor. The same *seed*, any whole number, gives the same reply again; `None` a new
# one each time.

# %%
MESSAGES = ["hi guppy", "do you like bubbles?", "what is the meaning of life", "are you afraid of cats", "good night"]

for text in MESSAGES:
    print("you>  ", text)
    print("guppy> ", end="")
    for piece in fish.stream(text, Sampling(temperature=0.4, seed=None)):
        print(piece, end="", flush=True)  # piece by piece, as it is made
    print()

# %% [markdown]
# A line to type into, where the notebook has widgets; else the list above does the same.

# %%
try:
    import ipywidgets as widgets
    from IPython.display import display
except ImportError:
    print("for a line to type into: pip install ipywidgets, and restart. Or in a terminal: guppylm chat")
else:
    line = widgets.Text(placeholder="say something, and press Enter", continuous_update=False)
    said = widgets.Output()

    def answer(change):
        if change["new"].strip():
            with said:
                print(f"you>   {change['new']}\nguppy> {fish.reply(change['new'])}")
            line.value = ""

    line.observe(answer, names="value")
    display(said, line)

# %% [markdown]
# How does it work? Train one yourself, from top to bottom: `train_guppylm.ipynb`. To make it somebody else:
# `your_character.ipynb`.
