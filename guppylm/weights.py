"""A model on disk, as Hugging Face expects it: config.json and model.safetensors. Never a pickle.

On disk a run's weights carry GPT-2's names, so that every engine that knows GPT-2 can read them.
GPT-2 stores a linear layer as (in, out); `nn.Linear` holds (out, in). Hence the turned ones.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from guppylm import files, tensors
from guppylm.errors import RunError
from guppylm.model import ModelConfig, Transformer
from guppylm.run import Run
from guppylm.tokenizer import fast

# ours -> (GPT-2's, turned?)
LAYER = {
    "norm1.weight": ("ln_1.weight", False),
    "norm1.bias": ("ln_1.bias", False),
    "attn.qkv.weight": ("attn.c_attn.weight", True),
    "attn.qkv.bias": ("attn.c_attn.bias", False),
    "attn.out.weight": ("attn.c_proj.weight", True),
    "attn.out.bias": ("attn.c_proj.bias", False),
    "norm2.weight": ("ln_2.weight", False),
    "norm2.bias": ("ln_2.bias", False),
    "ffn.up.weight": ("mlp.c_fc.weight", True),
    "ffn.up.bias": ("mlp.c_fc.bias", False),
    "ffn.down.weight": ("mlp.c_proj.weight", True),
    "ffn.down.bias": ("mlp.c_proj.bias", False),
}
OUTSIDE = {
    "tok_emb.weight": ("wte.weight", False),
    "pos_emb.weight": ("wpe.weight", False),
    "norm.weight": ("ln_f.weight", False),
    "norm.bias": ("ln_f.bias", False),
}


MOST_LAYERS = 1_000  # a broken file must not make us build for ever


def gpt2_name(name: str) -> tuple[str, bool]:
    """Our name of a weight -> GPT-2's, and whether the matrix is turned there.

    >>> gpt2_name("blocks.3.ffn.up.weight")
    ('h.3.mlp.c_fc.weight', True)
    """
    if name in OUTSIDE:
        return OUTSIDE[name]
    layer, rest = name.removeprefix("blocks.").split(".", 1)
    theirs, turned = LAYER[rest]
    return f"h.{layer}.{theirs}", turned


def to_gpt2(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    named = {name: gpt2_name(name) for name in weights}
    return {named[name][0]: (w.T if named[name][1] else w).contiguous() for name, w in weights.items()}


def from_gpt2(weights: dict[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """The weights called `names` by us, out of GPT-2's. Raises KeyError with GPT-2's name of a missing one."""
    plain = {re.sub(r"^transformer\.", "", name): weight for name, weight in weights.items()}
    found = {}
    for name in names:
        theirs, turned = gpt2_name(name)
        found[name] = plain[theirs].T.contiguous() if turned else plain[theirs]
    return found


def write_config(place: Run, config: ModelConfig, tokenizer: Tokenizer) -> None:
    """config.json and generation_config.json of a GPT-2 with ReLU and a narrower feed-forward."""
    ids = {
        "bos_token_id": tokenizer.token_to_id(fast.START),
        "eos_token_id": tokenizer.token_to_id(fast.END),
        "pad_token_id": tokenizer.token_to_id(fast.PAD),
    }
    files.write_json(
        place.config,
        {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": config.vocabulary,
            "n_positions": config.context,
            "n_layer": config.layers,
            "n_embd": config.width,
            "n_head": config.heads,
            "n_inner": config.feed_forward,
            "activation_function": "relu",
            "layer_norm_epsilon": config.norm_epsilon,
            "attn_pdrop": config.dropout,
            "embd_pdrop": config.dropout,
            "resid_pdrop": config.dropout,
            "tie_word_embeddings": True,
            "dtype": "float32",
            **ids,
        },
    )
    files.write_json(
        place.folder / "generation_config.json",
        {**ids, "do_sample": False, "max_length": config.context, "suppress_tokens": None},
    )


def write_weights(file: Path, model: Transformer) -> None:
    """In 32 bits each, but rounded to what 16 hold, so that every export to 16 bits has exactly these weights."""
    state = {name: weight.detach().cpu().half().float() for name, weight in model.state_dict().items()}
    tensors.write(file, to_gpt2(state), {"format": "pt"})


def read_config(file: Path) -> ModelConfig:
    """A model's shape out of a config.json with GPT-2's keys."""
    content = files.read_json(file)
    try:
        if content["model_type"] != "gpt2" or content["activation_function"] != "relu":
            raise RunError(f"{file}: not one of our models (a GPT-2 with relu is expected); choose another folder")
        for key in ("vocab_size", "n_positions", "n_layer", "n_embd", "n_head", "n_inner"):
            if type(content[key]) is not int:
                raise RunError(f"{file}: {key} must be a whole number; it is broken, or another model's")
        if content["n_layer"] > MOST_LAYERS:
            raise RunError(f"{file}: n_layer is {content['n_layer']:,}; it is broken, or another model's")
        return ModelConfig(
            vocabulary=content["vocab_size"],
            context=content["n_positions"],
            layers=content["n_layer"],
            width=content["n_embd"],
            heads=content["n_head"],
            feed_forward=content["n_inner"],
            norm_epsilon=float(content["layer_norm_epsilon"]),
        )
    except KeyError as error:
        raise RunError(f"{file}: key {error} is missing; it is broken, or another model's") from None
    except (TypeError, ValueError) as error:
        raise RunError(f"{file}: {error}; it is broken, or another model's") from None


def read_model(place: Run) -> Transformer:
    """The trained model of a run folder, ready to use. Raises RunError with what is wrong and where."""
    if not place.folder.is_dir():
        raise RunError(f"{place.folder}: no such run folder; make one with  guppylm train personas/guppy")
    config = read_config(place.config)
    if not place.weights.exists():
        raise RunError(f"{place.weights}: not found; the training never got this far, run it again to go on")
    return read_weights(place.weights, config)


def read_weights(file: Path, config: ModelConfig) -> Transformer:
    """A model of that shape with the weights of a file. Raises RunError."""
    stored, _ = tensors.read(file)
    with torch.device("meta"):
        model = Transformer(config)
    try:
        fitting = from_gpt2(stored, list(model.state_dict()))
    except KeyError as error:
        raise RunError(f"{file}: weight {error} is missing; these are another model's weights") from None
    return fill_weights(model, fitting, file)


def fill_weights(model: Transformer, state: dict[str, Tensor], file: Path) -> Transformer:
    """Put weights into a model that has none yet, if their names and shapes fit."""
    for name, expected in model.state_dict().items():
        if name not in state:
            raise RunError(f"{file}: weight '{name}' is missing; these are another model's weights")
        if state[name].shape != expected.shape:
            raise RunError(
                f"{file}: {name} is {tuple(state[name].shape)}, but config.json says {tuple(expected.shape)}; "
                "weights and config.json are of two models"
            )
        if not torch.isfinite(state[name]).all():
            raise RunError(f"{file}: {name} holds what is not a number; copy the file anew or train again")
    model.load_state_dict({name: state[name].float() for name in model.state_dict()}, assign=True)
    return model.eval()


def read_tokenizer(place: Run, config: ModelConfig) -> Tokenizer:
    """The run's tokenizer. Raises RunError unless it has one entry for each row of the embedding."""
    tokenizer = fast.load(place.tokenizer)
    if tokenizer.get_vocab_size() != config.vocabulary:
        raise RunError(
            f"{place.tokenizer}: {tokenizer.get_vocab_size():,} entries, but the model has {config.vocabulary:,}; "
            "tokenizer.json and config.json are of two models"
        )
    return tokenizer
