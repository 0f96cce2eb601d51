/** From scores to the next token, as guppylm/sample.py does it: temperature, top-k, top-p, and one draw. */
import type { Settings } from "../types";

/** Each stage that the scores go through. Arrays are in order of likeliness: candidate i is token ids[i]. */
export type Stages = {
  /** All V tokens, the likeliest first. */
  ids: Uint32Array;
  /** The model's own shares: temperature 1, nothing ruled out. */
  plain: Float64Array;
  /** After the division by the temperature. */
  tempered: Float64Array;
  /** So many are left after top-k, and then after top-p. */
  afterTopK: number;
  afterTopP: number;
  /** The shares that the draw uses, of the first `afterTopP` tokens; they sum to 1. */
  final: Float64Array;
};

/** Tokens of `forbidden` (special ones that no reply holds) get no share. */
export function stages(logits: Float32Array, settings: Settings, forbidden: Iterable<number> = []): Stages {
  const scores = Float32Array.from(logits);
  for (const id of forbidden) scores[id] = -Infinity;
  const ids = likeliestFirst(scores);
  const ordered = Float64Array.from(ids, (id) => scores[id]);
  if (!Number.isFinite(ordered[0]) || scores.some(Number.isNaN)) throw new Error("the model's scores are not numbers: its file is broken");
  const plain = softmax(ordered, 1);
  const greedy = settings.temperature === 0;
  const tempered = greedy ? plain.map((_, i) => (i === 0 ? 1 : 0)) : softmax(ordered, settings.temperature);
  const afterTopK = greedy ? 1 : settings.topK === 0 ? ids.length : Math.min(settings.topK, ids.length);
  const kept = shares(tempered.subarray(0, afterTopK));
  let afterTopP = 0;
  for (let before = 0; afterTopP < afterTopK && before < settings.topP; afterTopP++) before += kept[afterTopP];
  return { ids, plain, tempered, afterTopK, afterTopP, final: shares(kept.subarray(0, afterTopP)) };
}

/** The ids of all tokens, the highest score first; of equals the lower id. Score and id are packed into one number, since
 * plain numbers are sorted ten times as quickly as by a function that compares two of them.
 */
function likeliestFirst(scores: Float32Array): Uint32Array {
  const bits = new Uint32Array(scores.map((score) => score + 0).buffer); // 0 and -0 are one
  const keys = new Float64Array(scores.length);
  for (let id = 0; id < bits.length; id++) {
    const rank = (bits[id] >>> 31 ? ~bits[id] : bits[id] | 0x80000000) >>> 0; // the higher the score, the higher
    keys[id] = (0xffffffff - rank) * bits.length + id;
  }
  return Uint32Array.from(keys.sort(), (key) => key % bits.length);
}

function softmax(ordered: Float64Array, temperature: number): Float64Array {
  return shares(ordered.map((score) => Math.exp((score - ordered[0]) / temperature)));
}

function shares(parts: Float64Array): Float64Array {
  let sum = 0;
  for (const part of parts) sum += part;
  return parts.map((part) => part / sum);
}

/** One token id: the place on the cumulative bar, in order of the ids, where `random` (from 0 to 1) falls. */
export function draw({ ids, final }: Stages, random: number): number {
  const byId = Array.from(final.keys()).sort((a, b) => ids[a] - ids[b]);
  let sum = 0;
  const bar = byId.map((i) => (sum += final[i]));
  const at = bar.findIndex((end) => end > random * sum);
  return ids[byId[at < 0 ? byId.length - 1 : at]];
}

const sums = new WeakMap<Float32Array, number>();

/** The share of one token in the model's own eyes: temperature 1, nothing ruled out. */
export function shareOf(logits: Float32Array, id: number): number {
  let sum = sums.get(logits); // asked for the same scores again and again while a reply is shown
  if (sum === undefined) {
    let highest = -Infinity;
    for (const score of logits) highest = Math.max(highest, score);
    let parts = 0;
    for (const score of logits) parts += Math.exp(score - highest);
    sum = highest + Math.log(parts);
    sums.set(logits, sum);
  }
  return Math.exp(logits[id] - sum);
}
