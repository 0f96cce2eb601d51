"""One GGUF file for llama.cpp and its apps, and a Modelfile for Ollama.

llama.cpp rounds the context up to 256 and reads a position for each place in it: those past the model's own are zeros.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from guppylm import chat, files
from guppylm.errors import MissingExtra
from guppylm.export import as_gelu
from guppylm.export.as_gelu import Weights
from guppylm.export.parity import Engine, Source
from guppylm.persona import schema
from guppylm.sample import Array, Sampling
from guppylm.tokenizer import fast

FILE = "model.gguf"
CONTEXT = 256

Kind = gguf.GGMLQuantizationType
FILE_TYPES = {
    Kind.F32: gguf.LlamaFileType.ALL_F32,
    Kind.F16: gguf.LlamaFileType.MOSTLY_F16,
    Kind.Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0,
}

# ours -> GGUF's
OUTSIDE = {"tok_emb": "token_embd", "pos_emb": "position_embd", "norm": "output_norm"}
LAYER = {
    "norm1": "attn_norm", "attn.qkv": "attn_qkv", "attn.out": "attn_output",
    "norm2": "ffn_norm", "ffn.up": "ffn_up", "ffn.down": "ffn_down",
}  # fmt: skip


def gguf_name(name: str) -> str:
    """Our name of a weight -> GGUF's.

    >>> gguf_name("blocks.3.ffn.up.weight"), gguf_name("norm.bias")
    ('blk.3.ffn_up.weight', 'output_norm.bias')
    """
    part, kind = name.rsplit(".", 1)
    if part in OUTSIDE:
        return f"{OUTSIDE[part]}.{kind}"
    layer, rest = part.removeprefix("blocks.").split(".", 1)
    return f"blk.{layer}.{LAYER[rest]}.{kind}"


def write(source: Source, folder: Path, kind: Kind) -> None:
    """model.gguf with its matrices in the number format `kind`, and a Modelfile."""
    folder.mkdir(parents=True, exist_ok=True)
    config = source.model.config
    writer = gguf.GGUFWriter(folder / FILE, "gpt2")
    writer.add_name(schema.head(source.place.persona).name)
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config.width)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.feed_forward)
    writer.add_head_count(config.heads)
    writer.add_layer_norm_eps(as_gelu.norm_epsilon(config.norm_epsilon))
    _add_tokenizer(writer, source)
    sharper = as_gelu.SHARPEST if kind == Kind.F32 else as_gelu.SHARP
    for name, values in _weights(source, sharper).items():
        stored = kind if values.ndim == 2 and name not in _exact(kind) else Kind.F32
        writer.add_tensor(gguf_name(name), gguf.quants.quantize(values, stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    files.write_bytes(folder / "Modelfile", modelfile().encode())


def _exact(kind: Kind) -> tuple[str, ...]:
    """Matrices that keep 32 bits. Positions are added, never multiplied. In 16 bits llama.cpp rounds what it multiplies
    with them, too, and at the head that decides between two tokens that are nearly as likely."""
    return ("pos_emb.weight", "tok_emb.weight") if kind == Kind.F16 else ("pos_emb.weight",)


def _weights(source: Source, sharper: float) -> Weights:
    state = as_gelu.weights(source.state(), sharper)
    positions = state["pos_emb.weight"]
    return state | {"pos_emb.weight": np.pad(positions, ((0, CONTEXT - len(positions)), (0, 0)))}


def _add_tokenizer(writer: gguf.GGUFWriter, source: Source) -> None:
    tokenizer = source.tokenizer
    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")  # how text is cut before the merges
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]])
    writer.add_bos_token_id(fast.special_id(tokenizer, fast.START))
    writer.add_eos_token_id(fast.special_id(tokenizer, fast.END))
    writer.add_pad_token_id(fast.special_id(tokenizer, fast.PAD))
    writer.add_add_bos_token(False)
    writer.add_chat_template(chat.TEMPLATE.replace("| trim", "| lower | trim"))  # GGUF has no normaliser


def modelfile() -> str:
    """How Ollama starts it: `ollama create guppy -f Modelfile`. It cannot make letters small; type small ones."""
    return f"""FROM ./{FILE}
TEMPLATE \"\"\"<|im_start|>user
{{{{ .Prompt }}}}<|im_end|>
<|im_start|>assistant
\"\"\"
PARAMETER stop "<|im_end|>"
PARAMETER num_ctx {chat.CONTEXT}
PARAMETER temperature {Sampling.temperature}
PARAMETER top_k {Sampling.top_k}
PARAMETER top_p {Sampling.top_p}
"""


def start(source: Source, folder: Path) -> Engine:
    """llama.cpp, through llama-cpp-python."""
    try:
        from llama_cpp import GGML_TYPE_F32, Llama, llama_get_logits
    except ImportError:
        raise MissingExtra("llama-cpp-python", "llama") from None
    llama: Any = Llama(
        str(folder / FILE), n_ctx=CONTEXT, n_threads=1, n_threads_batch=1, verbose=False,
        type_k=GGML_TYPE_F32, type_v=GGML_TYPE_F32,  # the cache; rounded to 16 bits if not told so
    )  # fmt: skip

    def read(new: list[int]) -> Array:
        llama.eval(new)
        return np.ctypeslib.as_array(llama_get_logits(llama.ctx), (llama.n_vocab(),)).copy()

    def logits(ids: list[int]) -> Array:
        llama.reset()
        return read(ids)

    def greedy(ids: list[int]) -> list[int]:
        llama.reset()
        return source.likeliest(ids, read)

    return Engine(logits, greedy)
