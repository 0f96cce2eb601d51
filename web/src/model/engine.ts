/** What runs the model: tokens in, scores and insides out. Two engines do it, WebAssembly and plain JavaScript. */
import type { Guess, Look, Off, Shape, Step } from "../types";
import { Forward, type Memory } from "./forward";
import type { ModelFile } from "./onnx_file";

/** All that an engine gives for a token, with D width, V vocabulary, T places read so far. */
export type Inside = {
  /** (V,) */
  logits: Float32Array;
  /** (L, H, T) */
  attention: Float32Array;
  /** (2 L + 1, D): before the first layer, after each attention and each feed-forward. */
  stream: Float32Array;
  /** (2 L + 1, V): the scores, if the head were put on already there. */
  lens: Float32Array;
};

export interface Engine {
  readonly kind: "wasm" | "plain";
  readonly shape: Shape;
  /** So many tokens are worth reading together: more would keep whoever presses "stop" waiting. */
  readonly atOnce: number;
  /** A reader with an empty memory. Every exchange has its own. */
  reader(off?: Off): Reader;
}

export interface Reader {
  /** Reads the tokens that come next; gives what happened at each. */
  read(tokens: number[]): Promise<Inside[]>;
}

export class PlainEngine implements Engine {
  readonly kind = "plain";
  readonly atOnce = 1;
  readonly shape: Shape;
  private readonly forward: Forward;

  constructor(file: ModelFile) {
    this.forward = new Forward(file);
    this.shape = this.forward.shape;
  }

  reader(off?: Off): Reader {
    const memory: Memory = this.forward.empty();
    return { read: async (tokens) => tokens.map((token) => this.forward.read(token, memory, off)) };
  }
}

const GUESSES = 5;
const HOPELESS = 25; // exp(-25) of the likeliest: 4,096 of them are not a millionth

/** What the page keeps of it. */
export function step({ logits, attention, lens }: Inside): Step {
  const vocabulary = logits.length;
  const depths = lens.length / vocabulary;
  const rows = Array.from({ length: depths }, (_, depth) => lens.subarray(depth * vocabulary, (depth + 1) * vocabulary));
  const look: Look = { attention, lens: rows.map(likeliest) };
  return { logits, look };
}

/** The five likeliest tokens, the likeliest first, with their shares. */
function likeliest(scores: Float32Array): Guess[] {
  const best: number[] = [];
  for (let id = 0; id < scores.length; id++) {
    if (best.length === GUESSES && scores[id] <= scores[best[GUESSES - 1]]) continue;
    const at = best.findIndex((other) => scores[id] > scores[other]);
    best.splice(at < 0 ? best.length : at, 0, id);
    if (best.length > GUESSES) best.pop();
  }
  let sum = 0;
  for (const score of scores) if (score > scores[best[0]] - HOPELESS) sum += Math.exp(score - scores[best[0]]);
  return best.map((id) => ({ id, share: Math.exp(scores[id] - scores[best[0]]) / sum }));
}
