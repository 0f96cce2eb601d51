"""The transformer once more, as an ONNX graph: what ONNX Runtime runs on any device, and a browser too.

Beside the logits it gives back the keys and values of every layer (the KV cache), so that the next call needs the new
tokens only. The names of inputs and outputs are those that Hugging Face's exporters use. With `look` true it also
gives what went on inside.

In 8 bits, a weight is a whole number from -127 to 127 times a scale that it shares with 31 others of its column. The
file says only that (DequantizeLinear); ONNX Runtime makes of each such product what suits the machine. On a CPU it
rounds the activations by blocks, too, and multiplies whole numbers (MatMulNBits); in a browser, where that is slow, it
is told to work out the weights once, at the start, and to multiply as always.

Shapes: S new positions, P positions in the cache, T = P + S, L layers, H heads, D width, V vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from guppylm.model import ModelConfig

Bits = Literal[32, 8]
Floats = NDArray[np.float32]

OPSET = 23
IR_VERSION = 11  # that opset's; older runtimes refuse newer files
AFTER_SOFTMAX = 3  # which of attention's stages is given out
BLOCK = 32  # weights of a column that share a scale
NEVER = -1e9  # a score that the softmax makes 0 of, and that no number format turns into a NaN


# At each new position: the attention; the stream, before the first layer, after each attention and after each
# feed-forward; and what the model would say from there. Without `look`, no attention, and of the others only what
# stands at the last depth and position.
INSIDES = {
    "attention": ("layer", "head", "new", "total"),
    "stream": ("depth", "seen", "width"),
    "lens": ("depth", "seen", "token"),
}


def input_names(layers: int) -> list[str]:
    return ["input_ids", *(f"past_key_values.{i}.{part}" for i in range(layers) for part in ("key", "value")), "look"]


def output_names(layers: int) -> list[str]:
    present = [f"present.{i}.{part}" for i in range(layers) for part in ("key", "value")]
    return ["logits", *present, *INSIDES]


class _Graph:
    """Nodes and weights under construction. Every value has a name; `add` makes one up."""

    def __init__(self, bits: Bits) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, onnx.TensorProto] = {}
        self.bits = bits
        self._count = 0

    def add(self, kind: str, *inputs: str, called: list[str] | None = None, parts: int = 1, **settings: Any) -> Any:
        """One operation; returns the name of its result (names, if it has parts)."""
        self._count += 1
        names = called or [f"{kind}_{self._count}.{part}" for part in range(parts)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=names[0], **settings))
        return names[0] if len(names) == 1 else names

    def weight(self, name: str, values: NDArray[Any]) -> str:
        self.weights[name] = numpy_helper.from_array(np.asarray(values, order="C"), name)
        return name

    def integers(self, *values: int) -> str:
        return self.weight("shape_" + "_".join(map(str, values)), np.array(values, np.int64))

    def number(self, value: float) -> str:
        return self.weight(f"number_{value}", np.array(value, np.float32))

    @contextmanager
    def apart(self) -> Iterator[list[onnx.NodeProto]]:
        """Nodes added meanwhile go into a list of their own: the body of an If."""
        outside, self.nodes = self.nodes, []
        try:
            yield self.nodes
        finally:
            self.nodes = outside

    def matrix(self, name: str, values: Floats) -> None:
        """Keep a (rows, columns) matrix for products, in the graph's number format."""
        if self.bits == 32:
            self.weight(name, values)
            return
        rows, columns = values.shape
        blocks = np.pad(values, ((0, -rows % BLOCK), (0, 0))).reshape(-1, BLOCK, columns)
        scale = np.abs(blocks).max(axis=1) / 127
        scale = np.where(scale > 0, scale, 1).astype(np.float32)  # (blocks, columns)
        whole = np.round(blocks / scale[:, None]).astype(np.int8).reshape(-1, columns)[:rows]
        self.weight(f"{name}.int8", whole)
        self.weight(f"{name}.scale", scale)

    def product(self, x: str, name: str) -> str:
        """x (..., rows) times a kept matrix -> (..., columns)."""
        if self.bits == 8:
            name = self.add("DequantizeLinear", f"{name}.int8", f"{name}.scale", axis=0, block_size=BLOCK)
        return str(self.add("MatMul", x, name))

    def columns(self, name: str, ids: str) -> str:
        """The columns of a kept matrix with these numbers, as rows: ids (1, S) -> (1, S, rows)."""

        def pick(part: str) -> str:
            return str(self.add("Gather", self.add("Transpose", part, perm=[1, 0]), ids, axis=0))

        if self.bits == 32:
            return pick(name)
        return str(self.add("DequantizeLinear", pick(f"{name}.int8"), pick(f"{name}.scale"), axis=2, block_size=BLOCK))


def build(state: dict[str, Floats], config: ModelConfig, bits: Bits, about: dict[str, Any]) -> onnx.ModelProto:
    """The graph of a model whose weights, under model.py's names, are `state`. `about` goes into the file as JSON."""
    graph = _Graph(bits)
    graph.matrix("embedding", state["tok_emb.weight"].T)  # (D, V): the head reads it as it stands
    graph.weight("pos_emb.weight", state["pos_emb.weight"])

    def norm(x: str, name: str) -> str:
        scale, bias = (graph.weight(f"{name}.{part}", state[f"{name}.{part}"]) for part in ("weight", "bias"))
        return str(graph.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=config.norm_epsilon))

    def linear(x: str, name: str) -> str:
        graph.matrix(name, state[f"{name}.weight"].T)
        return str(graph.add("Add", graph.product(x, name), graph.weight(f"{name}.bias", state[f"{name}.bias"])))

    # where the new positions stand, and what each of them may not see: (S, T)
    new = graph.add("Shape", "input_ids", start=1, end=2)
    cached = graph.add("Shape", "past_key_values.0.key", start=2, end=3)
    total = graph.add("Add", new, cached)
    zero, one = graph.weight("zero", np.array(0, np.int64)), graph.weight("one", np.array(1, np.int64))
    first, last = (graph.add("Squeeze", name) for name in (cached, total))
    places = graph.add("Range", first, last, one)  # (S,)
    seen = graph.add("Range", zero, last, one)  # (T,)
    future = graph.add("Greater", seen, graph.add("Unsqueeze", places, graph.integers(1)))
    mask = graph.add("Where", future, graph.number(NEVER), graph.number(0.0))

    x = graph.add("Add", graph.columns("embedding", "input_ids"), graph.add("Gather", "pos_emb.weight", places))
    attention, stream = [], [x]
    for i in range(config.layers):
        block = f"blocks.{i}"
        qkv = linear(norm(x, f"{block}.norm1"), f"{block}.attn.qkv")
        q, k, v = graph.add("Split", qkv, parts=3, axis=-1, num_outputs=3)
        past, present = ([f"{time}.{i}.{part}" for part in ("key", "value")] for time in ("past_key_values", "present"))
        attended = [f"{block}.attended", *present, f"{block}.attention"]
        graph.add(
            "Attention", q, k, v, mask, *past, called=attended, qk_matmul_output_mode=AFTER_SOFTMAX,
            q_num_heads=config.heads, kv_num_heads=config.heads,
        )  # fmt: skip
        attention.append(attended[-1])
        x = graph.add("Add", x, linear(attended[0], f"{block}.attn.out"))
        stream.append(x)
        inner = graph.add("Relu", linear(norm(x, f"{block}.norm2"), f"{block}.ffn.up"))
        x = graph.add("Add", x, linear(inner, f"{block}.ffn.down"))
        stream.append(x)

    with graph.apart() as looking:
        # shape inference makes a 0 of the last axis, and the runtime would warn of it each time: so it is told anew
        shape = graph.add("Concat", graph.integers(config.layers, config.heads, -1), total, axis=0)
        graph.add("Reshape", graph.add("Concat", *attention, axis=0), shape, called=["attention_seen"])
        graph.add("Concat", *stream, axis=0, called=["stream_seen"])
    with graph.apart() as not_looking:
        nothing = numpy_helper.from_array(np.zeros((0, 0, 0, 0), np.float32), "nothing")
        graph.add("Constant", called=["attention_unseen"], value=nothing)
        graph.add("Gather", x, graph.integers(-1), axis=1, called=["stream_unseen"])
    branches = {
        "then_branch": _branch(looking, ["attention_seen", "stream_seen"]),
        "else_branch": _branch(not_looking, ["attention_unseen", "stream_unseen"]),
    }
    graph.add("If", "look", called=["attention", "stream"], **branches)
    graph.add("Identity", graph.product(norm("stream", "norm"), "embedding"), called=["lens"])
    deepest = graph.add("Gather", "lens", graph.integers(-1), axis=0)  # (1, S, V), or (1, 1, V)
    graph.add("Gather", deepest, graph.weight("last_index", np.array(-1, np.int64)), axis=1, called=["logits"])
    return _model(graph, config, about)


def _branch(nodes: list[onnx.NodeProto], outputs: list[str]) -> onnx.GraphProto:
    """One side of the If; its outputs are attention and stream."""
    shapes = [INSIDES["attention"], INSIDES["stream"]]
    given = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(outputs, shapes, strict=True)
    ]
    return helper.make_graph(nodes, outputs[0], [], given)


def _model(graph: _Graph, config: ModelConfig, about: dict[str, Any]) -> onnx.ModelProto:
    each = config.width // config.heads
    floats = helper.make_tensor_value_info
    past = [
        floats(name, TensorProto.FLOAT, (1, config.heads, "past", each)) for name in input_names(config.layers)[1:-1]
    ]
    present = [
        floats(name, TensorProto.FLOAT, (1, config.heads, "total", each)) for name in output_names(config.layers)[1:-3]
    ]
    outputs = [
        floats("logits", TensorProto.FLOAT, (1, config.vocabulary)),
        *present,
        *(floats(name, TensorProto.FLOAT, shape) for name, shape in INSIDES.items()),
    ]
    inputs = [
        helper.make_tensor_value_info("input_ids", TensorProto.INT64, (1, "new")),
        *past,
        helper.make_tensor_value_info("look", TensorProto.BOOL, ()),
    ]
    body = helper.make_graph(graph.nodes, "guppylm", inputs, outputs, list(graph.weights.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    helper.set_model_props(model, {"guppylm": json.dumps(about, ensure_ascii=False)})
    onnx.checker.check_model(model, full_check=True)
    return model
