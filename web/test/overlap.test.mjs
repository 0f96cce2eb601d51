/** Shared words: what counts as a word, who is nearest, what is copied, and how long it takes. */
import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { load } from "./load.mjs";

const { copied, distinct, index, indexSlowly, nearest, runs, split } = await load("model/overlap.ts");

const marked = (pieces) => pieces.map(({ text, marked }) => (marked ? `[${text}]` : text)).join("");

test("words are lower-case runs of letters, digits and apostrophes", () => {
  assert.deepEqual(split("Don't you like 2 Würmer?"), ["don't", "you", "like", "2", "würmer"]);
  assert.deepEqual(split("Рыба, 金魚... u\u0308ber_uns"), ["рыба", "金魚", "über", "uns"]);
  assert.deepEqual(split(" ?! "), []);
});

test("nearest: most shared runs of three first, then the shorter, then the earlier", () => {
  const [sun, more] = ["you like the warm sun", "you like the warm sun a lot"];
  const texts = index(["i like the warm water", more, sun, "the sun", "no", sun]);
  assert.deepEqual(nearest("do you like the warm sun", texts, 3), [
    { which: 2, run: 3, shared: 3 },
    { which: 5, run: 3, shared: 3 },
    { which: 1, run: 3, shared: 3 },
  ]);
});

test("nearest: falls back to runs of two and to single words, names none twice, and none that shares nothing", () => {
  const texts = index(["the sun is up", "is the sun up", "sun and rain", "fog"]);
  assert.deepEqual(nearest("where is the sun", texts, 4), [
    { which: 1, run: 3, shared: 1 },
    { which: 0, run: 2, shared: 1 },
    { which: 2, run: 1, shared: 1 },
  ]);
  assert.deepEqual(nearest("", texts, 4), []);
  assert.deepEqual(nearest("zzz", texts, 4), []);
});

test("nearest: a run that comes twice counts once", () => {
  const texts = index(["blub blub blub blub", "blub blub blub"]);
  assert.deepEqual(nearest("blub blub blub blub blub", texts, 1), [{ which: 1, run: 3, shared: 1 }]);
});

test("runs: marked with what stands between the words, and never across a gap", () => {
  const pieces = runs("Oh, I like the Sun. do you", "she said: i like the sun", 3);
  assert.equal(marked(pieces), "Oh, [I like the Sun]. do you");
  assert.equal(marked(runs("a b c", "a b x c", 2)), "[a b] c");
  assert.equal(marked(runs("hi", "oh hi there", 3)), "[hi]");
  assert.equal(marked(runs("hello you", "hello to you", 3)), "hello you");
  assert.deepEqual(runs("", "x", 2), []);
});

test("copied: runs of four within one reply; no run goes over from one reply to the next", () => {
  const replies = index(["i like the sun", "warm water is good for me", "hello"]);
  const mixed = copied("i like the sun. warm water is good", replies);
  assert.equal(mixed.share, 1);
  assert.equal(mixed.whole, false);
  assert.equal(copied("the sun warm water", replies).share, 0);
  const half = copied("i like the sun and big red snails", replies);
  assert.equal(half.share, 0.5);
  assert.equal(marked(half.pieces), "[i like the sun] and big red snails");
});

test("copied: whole means the same words and no others", () => {
  const replies = index(["i like the sun, you know", "hello", "hello there friend"]);
  assert.equal(copied("I like the sun you know.", replies).whole, true);
  assert.equal(copied("i like the sun", replies).whole, false);
  assert.equal(copied("i like the sun", replies).share, 1);
  const piece = (text, marked) => [{ text, marked }];
  assert.deepEqual(copied("there friend", replies), { share: 1, whole: false, pieces: piece("there friend", true) });
  assert.deepEqual(copied("...", replies), { share: 0, whole: false, pieces: piece("...", false) });
});

test("distinct texts keep their order and their places", () => {
  assert.deepEqual(distinct(["b", "a", "b"]), { texts: ["b", "a"], where: [[0, 2], [1]] });
});

test("the pieces are the text", () => {
  const text = "  Wait... what? the sun -- is up! ";
  assert.equal(runs(text, "the sun is up", 2).map((piece) => piece.text).join(""), text);
});

test("50,000 lines: a hundred milliseconds at most, and the slow index is the same", async () => {
  let state = 1;
  const random = (below) => (state = (state * 48271) % 2147483647) % below;
  const word = () => `w${Math.min(random(2000), random(2000), random(2000))}`; // some come often, most are rare
  const line = () => Array.from({ length: 8 + random(14) }, word).join(" ");
  const lines = Array.from({ length: 50_000 }, line);
  let pauses = 0;
  const texts = await indexSlowly(lines, async () => void pauses++);
  assert.equal(pauses, 100);
  let quickest = Infinity;
  for (let i = 0; i < 5; i++) {
    const text = `${line()} ${line()}`;
    const began = performance.now();
    const found = nearest(text, texts, 5);
    copied(text, texts);
    quickest = Math.min(quickest, performance.now() - began);
    assert.equal(found.length, 5);
  }
  assert.deepEqual(texts.line, index(lines).line);
  assert.ok(quickest < 100, `${quickest} ms`);
});
