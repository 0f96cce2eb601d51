/** Thoughts: tokens that are shown by name, may be drawn, and are no part of what is said. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./load.mjs";

const { Tokenizer } = await load("model/tokenizer.ts");
const { forbidden, replyText } = await load("model/chat.ts");
const { label, unabridged } = await load("views/labels.tsx");

const marks = ["<|pad|>", "<|im_start|>", "<|im_end|>", "<|thought:food|>"];
const tokenizer = new Tokenizer({
  added_tokens: marks.map((content, id) => ({ id, content, special: true })),
  model: { vocab: { h: 4, i: 5, hi: 6 }, merges: ["h i"] },
});

test("a thought has a name, and nobody hears it", () => {
  assert.deepEqual([...tokenizer.thoughts], [[3, "food"]]);
  assert.equal(tokenizer.show(3), "(food)");
  assert.equal(replyText(tokenizer, [3, 6]), "hi");
});

test("a label names a thought by its exchange, and all of it is there to point at", () => {
  const added_tokens = [{ id: 0, content: "<|thought:food/do you like this kind of food|>", special: true }];
  const thinking = new Tokenizer({ added_tokens, model: { vocab: {}, merges: [] } });
  assert.equal(label(thinking, 0), "(/do you like this kin…)");
  assert.equal(unabridged(thinking, 0), "(food/do you like this kind of food)");
  assert.deepEqual([label(tokenizer, 3), unabridged(tokenizer, 3)], ["(food)", undefined]);
});

test("a thought may be drawn, other marks but the end may not", () => {
  assert.deepEqual(forbidden(tokenizer), [0, 1]);
});
