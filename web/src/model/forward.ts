/** The whole transformer in plain JavaScript: one token in, a score for every possible next token out.
 *
 * It does what guppylm/model.py does, with a memory of the keys and values of earlier places, and shows what went on
 * inside. Nothing is hidden in a library: these are all the multiplications there are. The page uses it where WebAssembly
 * is not allowed, and to switch parts off; the tests hold the quicker engine against it.
 *
 * Shapes: D width, H heads, T places read, V vocabulary. A Vector is a Float32Array.
 */
import type { Off, Shape } from "../types";
import type { Inside } from "./engine";
import { type ModelFile, type Weight } from "./onnx_file";

type Vector = Float32Array;
/** Keys and values of every layer at every place so far: keys[layer][place] (D,). */
export type Memory = { keys: Vector[][]; values: Vector[][] };

const BLOCK = 32; // as in guppylm/export/onnx_graph.py
const NOTHING_OFF: Off = new Set();

export class Forward {
  readonly shape: Shape;
  private readonly epsilon: number;
  private readonly kept: Map<string, Weight>;
  private readonly exact = new Map<string, Weight<Vector>>();

  constructor({ weights, about }: ModelFile) {
    this.kept = weights;
    this.shape = about.shape;
    this.epsilon = about.shape.epsilon;
  }

  empty(): Memory {
    const layers = () => Array.from({ length: this.shape.layers }, () => [] as Vector[]);
    return { keys: layers(), values: layers() };
  }

  /** Reads one more token. Parts in `off` add nothing; then the lens has its last row only, which takes a third of the time. */
  read(token: number, memory: Memory, off: Off = NOTHING_OFF): Inside {
    const place = memory.keys[0].length;
    const attention: number[] = [];
    let x = add(this.embedding(token), this.row("pos_emb.weight", place)); // (D,): the residual stream
    const stream = [x];
    for (let layer = 0; layer < this.shape.layers; layer++) {
      const block = `blocks.${layer}`;
      const qkv = this.linear(this.norm(x, `${block}.norm1`), `${block}.attn.qkv`); // (3 D,)
      const [query, key, value] = thirds(qkv);
      memory.keys[layer].push(key);
      memory.values[layer].push(value);
      const gathered = this.attend(query, memory.keys[layer], memory.values[layer], attention);
      this.silence(gathered, layer, off);
      x = add(x, this.linear(gathered, `${block}.attn.out`));
      stream.push(x);
      if (!off.has(`${layer}.ffn`)) {
        const inner = this.linear(this.norm(x, `${block}.norm2`), `${block}.ffn.up`); // (F,)
        x = add(x, this.linear(inner.map((number) => Math.max(0, number)), `${block}.ffn.down`));
      }
      stream.push(x);
    }
    const depths = off.size > 0 ? stream.slice(-1) : stream;
    const lens = depths.map((at) => this.times(this.norm(at, "norm"), "embedding")); // V scores at each depth
    return { logits: lens.at(-1)!, attention: Float32Array.from(attention), stream: join(stream), lens: join(lens) };
  }

  /** Each head looks back at all places, itself included, and gathers their values: (D,). */
  private attend(query: Vector, keys: Vector[], values: Vector[], attention: number[]): Vector {
    const size = this.shape.width / this.shape.heads;
    const gathered = new Float32Array(this.shape.width);
    for (let from = 0; from < this.shape.width; from += size) {
      const scores = keys.map((key) => {
        let score = 0;
        for (let i = from; i < from + size; i++) score += query[i] * key[i];
        return score / Math.sqrt(size);
      });
      const weights = softmax(scores);
      attention.push(...weights);
      weights.forEach((weight, at) => {
        for (let i = from; i < from + size; i++) gathered[i] += weight * values[at][i];
      });
    }
    return gathered;
  }

  private silence(gathered: Vector, layer: number, off: Off): void {
    const size = this.shape.width / this.shape.heads;
    for (let head = 0; head < this.shape.heads; head++) {
      if (off.has(`${layer}.${head}`)) gathered.fill(0, head * size, (head + 1) * size);
    }
  }

  private norm(x: Vector, name: string): Vector {
    const mean = x.reduce((sum, number) => sum + number, 0) / x.length;
    const variance = x.reduce((sum, number) => sum + (number - mean) ** 2, 0) / x.length;
    const [scale, bias] = [this.vector(`${name}.weight`), this.vector(`${name}.bias`)];
    return x.map((number, i) => ((number - mean) / Math.sqrt(variance + this.epsilon)) * scale[i] + bias[i]);
  }

  private linear(x: Vector, name: string): Vector {
    return add(this.times(x, name), this.vector(`${name}.bias`));
  }

  /** x times a kept matrix of (rows, columns) -> (columns,). */
  private times(x: Vector, name: string): Vector {
    const { dims, values } = this.weight(name);
    const columns = dims[1];
    const sums = new Float32Array(columns);
    x.forEach((number, row) => {
      if (number !== 0) for (let c = 0, at = row * columns; c < columns; c++, at++) sums[c] += number * values[at];
    });
    return sums;
  }

  /** One column of the embedding, which is kept as the head reads it: (D, V). */
  private embedding(token: number): Vector {
    const { dims: [width, vocabulary], values } = this.weight("embedding"); // prettier-ignore
    return Float32Array.from({ length: width }, (_, row) => values[row * vocabulary + token]);
  }

  private row(name: string, number: number): Vector {
    const { dims, values } = this.weight(name);
    return values.subarray(number * dims[1], (number + 1) * dims[1]);
  }

  private vector(name: string): Vector {
    return this.weight(name).values;
  }

  /** In 8 bits, a weight is a whole number times the scale that it shares with its block of a column. */
  private weight(name: string): Weight<Vector> {
    const found = this.exact.get(name) ?? this.float(name) ?? workedOut(this.float(`${name}.scale`), this.kept.get(`${name}.int8`));
    if (!found) throw new Error(`the model's file has no weight ${name}; export it again`);
    this.exact.set(name, found);
    return found;
  }

  private float(name: string): Weight<Vector> | undefined {
    const found = this.kept.get(name);
    return found?.values instanceof Float32Array ? (found as Weight<Vector>) : undefined;
  }
}

function workedOut(scale?: Weight<Vector>, whole?: Weight): Weight<Vector> | undefined {
  if (!scale || !whole) return undefined;
  const [rows, columns] = whole.dims;
  const values = new Float32Array(whole.values.length);
  for (let row = 0, at = 0; row < rows; row++) {
    const block = Math.floor(row / BLOCK) * columns;
    for (let column = 0; column < columns; column++, at++) values[at] = whole.values[at] * scale.values[block + column];
  }
  return { dims: whole.dims, values };
}

function softmax(scores: number[]): number[] {
  const highest = Math.max(...scores);
  const parts = scores.map((score) => Math.exp(score - highest));
  const sum = parts.reduce((total, part) => total + part, 0);
  return parts.map((part) => part / sum);
}

const add = (a: Vector, b: Vector): Vector => a.map((number, i) => number + b[i]);

const thirds = (x: Vector): Vector[] => [0, 1, 2].map((i) => x.slice((i * x.length) / 3, ((i + 1) * x.length) / 3));

function join(rows: Vector[]): Vector {
  const joined = new Float32Array(rows.length * rows[0].length);
  rows.forEach((row, i) => joined.set(row, i * row.length));
  return joined;
}
