/** The page in a real browser: talking, branching, failing, offline, on small screens, by keyboard. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { chooseRival, expected, lastReply, open, PAGE, quiet, ready, say, sayExpected, visit } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = ["tokens", "next", "attention", "layers", "switchoff", "growing", "why", "code"];

test("a recorded exchange is there at once; then the model talks as Python does; then all works offline", async (t) => {
  const { context, page, seen } = await open(t);
  await page.goto(PAGE);
  await page.waitForSelector(".exchange .token");
  await ready(page);
  for (const one of expected.replies) assert.equal(...(await sayExpected(page, one)));
  await page.waitForFunction(() => navigator.serviceWorker.ready.then(() => caches.keys()).then((names) => names.length > 0));
  assert.deepEqual(seen, { foreign: [], errors: [] }); // later the browser complains that it can't look for a newer sw.js
  await context.setOffline(true);
  await page.reload();
  await ready(page);
  assert.equal(...(await sayExpected(page)));
  assert.deepEqual(seen.foreign, []);
});

test("a rival that is chosen leads the reply elsewhere, and the old one stays", async (t) => {
  const { page, seen } = await open(t);
  await visit(page);
  const [first] = await sayExpected(page);
  await page.locator(".exchange").last().locator(".token").nth(1).click();
  await chooseRival(page);
  assert.notEqual(await lastReply(page), first);
  const replies = await page.locator(".exchange").evaluateAll((all) => all.map((one) => one.querySelector(".reply").textContent));
  assert.equal(replies.length, 3);
  assert.ok(replies[1].includes(first));
  assert.deepEqual(seen, { foreign: [], errors: [] });
});

test("nothing, far too much, twice at once, and stopped in the middle", async (t) => {
  const { page, seen } = await open(t);
  await visit(page);
  await page.press("#message", "Enter");
  await page.fill("#message", "   ");
  await page.press("#message", "Enter");
  assert.equal(await page.locator(".exchange").count(), 1);
  await say(page, "moth ".repeat(1000));
  assert.match(await page.locator(".exchange").last().textContent(), /did not fit/);
  await page.fill("#message", "are you hungry");
  await page.evaluate(() => {
    const form = document.querySelector(".ask");
    form.requestSubmit();
    form.requestSubmit();
  });
  await page.waitForFunction(() => document.querySelectorAll(".exchange").length > 2);
  await page.locator(".ask button").click(); // stop, if it is still speaking; else it sends nothing
  await quiet(page);
  assert.equal(await page.locator(".exchange").count(), 3);
  assert.equal(...(await sayExpected(page)));
  assert.deepEqual(seen, { foreign: [], errors: [] });
});

test("a model that is missing or cut short is a clear line, and can be tried again", async (t) => {
  const { page, context } = await open(t, { serviceWorkers: "block" });
  const model = "**/character/model.onnx";
  const whole = await (await fetch(PAGE + "character/model.onnx")).arrayBuffer();
  for (const [broken, line] of [
    [{ status: 404, body: "" }, /404/],
    [{ status: 200, body: Buffer.from(whole.slice(0, 1000)) }, /only 1000 of \d+ bytes/],
    [{ status: 200, body: Buffer.alloc(whole.byteLength, 7) }, /model/],
  ]) {
    await context.route(model, (route) => route.fulfill(broken));
    await page.goto(PAGE);
    await page.waitForSelector(".trouble", { timeout: 30_000 });
    assert.match(await page.locator(".trouble").first().textContent(), line);
    await context.unroute(model);
    await page.locator(".trouble button").click();
    await ready(page);
  }
});

test("a Worker that does not come is a clear line, and can be tried again", async (t) => {
  const { page, context } = await open(t, { serviceWorkers: "block" });
  await context.route("**/worker.js", (route) => route.fulfill({ status: 404, body: "" }));
  await page.goto(PAGE);
  for (let attempt = 0; attempt < 2; attempt++) {
    await page.waitForFunction(() => /worker.js: 404/.test(document.querySelector(".trouble")?.textContent));
    if (attempt === 1) await context.unroute("**/worker.js");
    const answered = page.waitForResponse("**/worker.js");
    await page.locator(".trouble button").click();
    await answered; // or the old line would be taken for the next one's
  }
  await ready(page);
  assert.equal(...(await sayExpected(page)));
});

test("a link to a branch leads to the branch, in a page that is open already", async (t) => {
  const { page, seen } = await open(t);
  await visit(page);
  await sayExpected(page);
  await page.locator(".exchange").last().locator(".token").nth(1).click();
  await chooseRival(page);
  const branched = await lastReply(page);
  await page.locator(".inside > p.row button").click(); // copy a link to this view
  await page.waitForFunction(() => location.hash.includes("given="));
  const hash = await page.evaluate(() => location.hash);
  await page.evaluate(() => history.replaceState(null, "", "#"));
  await page.evaluate((hash) => (location.hash = hash), hash);
  await page.waitForFunction(() => document.querySelectorAll(".exchange").length === 4);
  await quiet(page);
  assert.equal(await lastReply(page), branched);
  assert.deepEqual(seen, { foreign: [], errors: [] });
});

test("with parts switched off a branched reply still begins with what was chosen", async (t) => {
  const { page, seen } = await open(t);
  await visit(page);
  await sayExpected(page);
  await page.locator(".exchange").last().locator(".token").nth(1).click();
  await chooseRival(page);
  const tokens = await page.locator(".exchange").last().locator(".token:not(.special)").evaluateAll((all) => all.map((one) => one.textContent));
  const chosen = tokens.slice(0, 2).join("").trim();
  await page.click("#tab-switchoff");
  await page.locator(".parts tbody tr").first().locator("button").last().click(); // the whole first layer
  await page.waitForSelector(".replies");
  const [allOn, partsOff] = await page.locator(".replies dd").evaluateAll((all) => all.map((one) => one.textContent.trim()));
  assert.ok(allOn.startsWith(chosen), `${allOn} / ${chosen}`);
  assert.ok(partsOff.startsWith(chosen), `${partsOff} / ${chosen}`);
  assert.notEqual(partsOff, allOn);
  assert.deepEqual(seen, { foreign: [], errors: [] });
});

test("of two models that are asked for at once, the last one speaks", async (t) => {
  const { page, seen } = await open(t, { serviceWorkers: "block" });
  await visit(page);
  const { models } = await (await fetch(PAGE + "character/growing.json")).json();
  const [message, seed, reply] = expected.replies[0];
  const say = `say=${encodeURIComponent(message)}&seed=${seed}&t=0.4&k=40&p=0.95`;
  const hashes = [`${say}&model=${encodeURIComponent(models[0].file)}`, say];
  await page.evaluate(async ([younger, grown]) => {
    location.hash = younger;
    await new Promise((heard) => addEventListener("hashchange", heard, { once: true }));
    location.hash = grown;
  }, hashes);
  await page.waitForFunction(() => document.querySelectorAll(".exchange").length > 1);
  await quiet(page);
  assert.equal(await lastReply(page), reply);
  await page.click("#tab-growing");
  assert.equal(await page.locator(".growing-models button").last().getAttribute("aria-pressed"), "true");
  assert.deepEqual(seen, { foreign: [], errors: [] });
});

test("a newer version comes at once if nothing was said yet, and else when it is wanted", async (t) => {
  const { page } = await open(t);
  await visit(page);
  await page.waitForFunction(() => navigator.serviceWorker.ready.then(() => true));
  await page.reload(); // from here on the copy is asked
  await ready(page);
  const renew = () => page.evaluate(() => navigator.serviceWorker.dispatchEvent(new Event("controllerchange")));
  await page.evaluate(() => (window.old = true));
  await renew();
  await page.waitForFunction(() => !window.old);
  await ready(page);
  await sayExpected(page);
  await renew();
  const notice = page.getByText("a newer version of this page is here");
  await notice.waitFor();
  await notice.getByRole("button").click();
  await page.waitForFunction(() => document.querySelectorAll(".exchange").length === 1);
  await ready(page);
});

test("where WebAssembly is forbidden plain JavaScript speaks, and says the same", async (t) => {
  const { page, seen } = await open(t, { serviceWorkers: "block" });
  await page.route(
    (address) => address.pathname.endsWith("/where/"),
    async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, body: (await response.text()).replace("'wasm-unsafe-eval'", "") });
    },
  );
  const [message, seed, reply] = expected.replies[0];
  await visit(page, `#say=${encodeURIComponent(message)}&seed=${seed}&t=0.4&k=40&p=0.95&view=layers`);
  await page.waitForFunction(() => document.querySelectorAll(".exchange").length > 1);
  await quiet(page);
  assert.equal(await lastReply(page), reply);
  assert.equal(await page.getAttribute("#tab-layers", "aria-selected"), "true");
  await page.locator("footer summary").click();
  assert.match(await page.locator("footer").textContent(), /plain JavaScript: slower/);
  assert.deepEqual(seen.foreign, []);
  assert.ok(seen.errors.every((error) => /wasm|WebAssembly|falling back/.test(error)), seen.errors.join(" \n "));
});

test("neither the page nor its Worker may ask another server", async (t) => {
  const { page, seen } = await open(t, { serviceWorkers: "block" });
  await visit(page);
  const ask = () => fetch("https://example.org/").then(() => "sent", () => "refused"); // prettier-ignore
  assert.equal(await page.evaluate(ask), "refused");
  assert.equal(page.workers().length, 1);
  assert.equal(await page.workers()[0].evaluate(ask), "refused");
  assert.deepEqual(seen.foreign, []);
});

test("both engines agree, and the page says how far, whoever else wants a word meanwhile", async (t) => {
  const { page } = await open(t);
  await visit(page);
  await page.locator("footer summary").click();
  await page.locator("footer button").click();
  await page.locator("footer button").click();
  assert.equal(...(await sayExpected(page)));
  await page.waitForFunction(() => /difference of any score: [\d.e-]+/.test(document.querySelector("footer").textContent), null, { timeout: 60_000 });
  const difference = Number(/any score: ([\d.e-]+)/.exec(await page.locator("footer").textContent())[1]);
  assert.ok(difference < 1e-3, `they differ by ${difference}`);
});

test("what a person, a persona or the model says is text", async (t) => {
  const { page, seen } = await open(t);
  await visit(page);
  const hostile = "<img src=x onerror=document.title='gotcha'><script>document.title='gotcha'</script>";
  await say(page, hostile);
  for (const view of VIEWS) {
    await page.click(`#tab-${view}`);
    await page.waitForTimeout(200);
    assert.equal(await page.locator("#app script, #app iframe, img:not([src='character/picture.svg'])").count(), 0, view);
  }
  assert.equal(await page.title(), expected.name);
  assert.match(await page.locator(".said").last().textContent(), /<img src=x/);
  assert.deepEqual(seen, { foreign: [], errors: [] });
});

for (const width of [320, 768, 1280]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every view at ${width} px, ${colorScheme}: no violations, no sideways scroll`, async (t) => {
      const { page, seen } = await open(t, { viewport: { width, height: 800 }, colorScheme, reducedMotion: "reduce" });
      await visit(page);
      await page.evaluate(AXE);
      for (const view of VIEWS) {
        await page.click(`#tab-${view}`);
        await page.waitForTimeout(400);
        const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
        const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).slice(0, 3).join(" | ")}`);
        assert.deepEqual(told, [], view);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${view}: ${over} px too wide`);
      }
      assert.deepEqual(seen, { foreign: [], errors: [] });
    });
  }
}

test("everything by keyboard: message, token, rival, tabs", async (t) => {
  const { page } = await open(t);
  await visit(page);
  await sayExpected(page);
  await page.locator(".exchange").last().locator(".token").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector(".rivals");
  const before = await page.locator(".exchange").count();
  await page.locator(".rivals button:not([disabled])").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction((count) => document.querySelectorAll(".exchange").length > count, before);
  await quiet(page);
  await page.waitForFunction(() => document.activeElement.id.startsWith("token-")); // the one that was chosen
  await page.focus("#tab-next");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.activeElement.id === "tab-attention");
});

test("a browser that keeps nothing can still talk", async (t) => {
  const { page, seen } = await open(t, { serviceWorkers: "block" });
  await page.addInitScript(() => {
    for (const name of ["localStorage", "sessionStorage", "caches", "indexedDB"]) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException("denied", "SecurityError");
        },
      });
    }
  });
  await visit(page);
  assert.equal(...(await sayExpected(page)));
  assert.deepEqual(seen, { foreign: [], errors: [] });
});

test("quick enough, measured loosely since the machine is shared", async (t) => {
  const { page } = await open(t, { serviceWorkers: "block" });
  await page.addInitScript(() => {
    window.stalls = [];
    new PerformanceObserver((list) => window.stalls.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
  });
  const opened = performance.now();
  await visit(page);
  await sayExpected(page);
  const first = performance.now() - opened;
  const stalls = await page.evaluate(() => window.stalls); // the page's own: what follows reads here, not in the Worker
  const perToken = await page.evaluate(async () => {
    const { WasmEngine, readModel } = await import("./inside.js");
    const content = new Uint8Array(await (await fetch("character/model.onnx")).arrayBuffer());
    const engine = await WasmEngine.start(content, readModel(content).about.shape, new URL("engine.wasm", document.baseURI).href);
    const began = performance.now();
    for (let exchange = 0; exchange < 5; exchange++) { // a message of 24 tokens, and a reply of 16
      const reader = engine.reader();
      for (let place = 0; place < 24; place += engine.atOnce) await reader.read(Array.from({ length: Math.min(engine.atOnce, 24 - place) }, (_, i) => place + i));
      for (let place = 24; place < 40; place++) await reader.read([place]);
    }
    return (performance.now() - began) / 200;
  });
  t.diagnostic(`first reply after ${first.toFixed()} ms; ${perToken.toFixed(1)} ms a token; stalls over 50 ms: ${stalls.map(Math.round)}`);
  assert.ok(first < 30_000);
  assert.ok(perToken < 50);
  assert.ok(Math.max(0, ...stalls) < 1_000);
});
