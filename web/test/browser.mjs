/** What the browser tests share: Debian's Chromium, without a network, and a page that is open.
 *
 * tests/test_page.py makes a page's folder, serves it, writes down what Python expects, and starts these tests with
 *     PAGE      the address of the page, under a sub-path
 *     EXPECTED  a JSON file of what PyTorch and the Python library say
 */
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

export const PAGE = process.env.PAGE;
export const expected = JSON.parse(readFileSync(process.env.EXPECTED, "utf8"));

const ALONE = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]; // prettier-ignore

/** Closed when the test `t` has ended, however it ends. */
export async function open(t, options = {}, flags = []) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...ALONE, ...flags] });
  t.after(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const seen = { foreign: [], errors: [] };
  await context.route("**/*", (route) => {
    if (new URL(route.request().url()).origin === new URL(PAGE).origin) return route.continue();
    seen.foreign.push(route.request().url());
    return route.abort();
  });
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") seen.errors.push(`${message.text()} ${message.location().url}`);
  });
  return { context, page, seen };
}

/** Opens the page and waits until the model is there. */
export async function visit(page, hash = "") {
  await page.goto(PAGE + hash);
  await ready(page);
}

export async function ready(page) {
  await page.waitForSelector(".ask button[type=submit]:not([disabled])", { timeout: 60_000 });
}

/** Says a message of the expected ones with its seed; gives the reply on the page, and the one that Python gives. */
export async function sayExpected(page, [message, seed, reply] = expected.replies[0]) {
  await page.locator(".settings").evaluate((details) => (details.open = true));
  await page.fill(".settings input[type=number]", String(seed));
  return [await say(page, message), reply];
}

/** Says something, and gives the reply as it stands on the page, without its end mark. */
export async function say(page, text) {
  const before = await page.locator(".exchange").count();
  await page.fill("#message", text);
  await page.press("#message", "Enter");
  await page.waitForFunction((count) => document.querySelectorAll(".exchange").length > count, before);
  await quiet(page);
  return lastReply(page);
}

/** Chooses a rival, and waits until the reply that goes on from there is whole. */
export async function chooseRival(page) {
  const before = await page.locator(".exchange").count();
  await page.locator(".rivals button:not([disabled])").first().click();
  await page.waitForFunction((count) => document.querySelectorAll(".exchange").length > count, before);
  await quiet(page);
}

export async function quiet(page) {
  await page.waitForSelector(".ask button[type=submit]", { timeout: 60_000 });
}

export function lastReply(page) {
  return page.locator(".exchange").last().locator(".token:not(.special)").evaluateAll((tokens) => tokens.map((token) => token.textContent).join("")); // prettier-ignore
}
