/** The page's tokenizer, sampler and engines, run in a real browser and held against Python and PyTorch. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { expected, open, PAGE } from "./browser.mjs";

async function inside(t, work, given) {
  const { page, seen } = await open(t, { serviceWorkers: "block" });
  await page.goto(PAGE);
  const found = await page.evaluate(work, given);
  assert.deepEqual(seen, { foreign: [], errors: [] });
  return found;
}

test("5,000 texts of every script become the tokens that the Python library makes of them", async (t) => {
  const found = await inside(t, async (texts) => {
    const { Tokenizer } = await import("./inside.js");
    const tokenizer = new Tokenizer(await (await fetch("character/tokenizer.json")).json());
    return texts.map((text) => tokenizer.encode(text));
  }, expected.tokens.map(([text]) => text));
  assert.equal(found.length, 5000);
  found.forEach((ids, i) => assert.deepEqual(ids, expected.tokens[i][1], JSON.stringify(expected.tokens[i][0])));
});

test("prompts, long ones too, are those of Python", async (t) => {
  const found = await inside(t, async (messages) => {
    const { Tokenizer, encodePrompt } = await import("./inside.js");
    const tokenizer = new Tokenizer(await (await fetch("character/tokenizer.json")).json());
    return messages.map((message) => encodePrompt(tokenizer, message, 128).ids);
  }, expected.prompts.map(([message]) => message));
  found.forEach((ids, i) => assert.deepEqual(ids, expected.prompts[i][1]));
});

test("logits, attention, stream and lens are PyTorch's to 1e-3, in both engines", async (t) => {
  const differences = await inside(t, async ({ ids, ...wanted }) => {
    const { PlainEngine, WasmEngine, readModel } = await import("./inside.js");
    const content = new Uint8Array(await (await fetch("exact.onnx")).arrayBuffer());
    const file = readModel(content);
    const plain = new PlainEngine(file);
    const engines = [plain, await WasmEngine.start(content, plain.shape, new URL("engine.wasm", document.baseURI).href)];
    const found = {};
    for (const engine of engines) {
      const reader = engine.reader();
      const together = [...(await reader.read(ids.slice(0, 5)))]; // at once, and one after the other
      for (const id of ids.slice(5)) together.push(...(await reader.read([id])));
      for (const [place, seen] of together.entries()) {
        for (const [name, rows] of Object.entries(wanted)) {
          const key = `${engine.kind} ${name}`;
          if (seen[name].length !== rows[place].length) throw new Error(`${key}: ${seen[name].length} numbers`);
          rows[place].forEach((value, i) => (found[key] = Math.max(found[key] ?? 0, Math.abs(value - seen[name][i]))));
        }
        const last = seen.lens.slice(-seen.logits.length);
        if (last.some((score, i) => score !== seen.logits[i])) throw new Error("the last row of the lens is not the logits");
        const { heads, layers } = engine.shape;
        for (let head = 0; head < heads * layers; head++) {
          const row = seen.attention.slice(head * (place + 1), (head + 1) * (place + 1));
          const sum = row.reduce((total, weight) => total + weight, 0);
          if (Math.abs(sum - 1) > 1e-4) throw new Error(`attention sums to ${sum}`);
        }
      }
    }
    return found;
  }, expected.insides);
  assert.equal(Object.keys(differences).length, 8);
  for (const [name, difference] of Object.entries(differences)) assert.ok(difference < 1e-3, `${name}: ${difference}`);
});

test("the same seed draws the same random numbers and tokens as Python", async (t) => {
  const found = await inside(t, async (cases) => {
    const { Random, draw, stages } = await import("./inside.js");
    return cases.map(({ logits, settings, seed, count }) => {
      const random = new Random(seed);
      const seen = stages(Float32Array.from(logits), settings);
      return Array.from({ length: count }, () => draw(seen, random.next()));
    });
  }, expected.draws.map(({ drawn, ...given }) => ({ ...given, count: drawn.length })));
  found.forEach((drawn, i) => assert.deepEqual(drawn, expected.draws[i].drawn, JSON.stringify(expected.draws[i].settings)));
});

test("draws follow the shares: chi-square over 20,000", async (t) => {
  const { counts, shares } = await inside(t, async () => {
    const { Random, draw, stages } = await import("./inside.js");
    const seen = stages(Float32Array.from([3, 2.5, 2, 1, 0, -1]), { temperature: 1, topK: 0, topP: 1, seed: 0 });
    const random = new Random(7);
    const counts = new Array(6).fill(0);
    for (let i = 0; i < 20_000; i++) counts[draw(seen, random.next())]++;
    return { counts, shares: [...seen.final] };
  });
  const chi = counts.reduce((sum, count, i) => sum + (count - 20_000 * shares[i]) ** 2 / (20_000 * shares[i]), 0);
  assert.ok(chi < 20.5, `chi-square ${chi}`); // 5 degrees of freedom: exceeded once in a thousand
});

test("defaults are Python's", async (t) => {
  const found = await inside(t, async () => (await import("./inside.js")).DEFAULTS);
  assert.deepEqual(found, expected.defaults);
});
