/** Beside the page, so that it never stands still: loads the model, reads messages, and draws replies token by token. */
import type { Off, Settings, Shape, Step } from "./types";
import { type Engine, PlainEngine, type Reader, step } from "./model/engine";
import { readModel } from "./model/onnx_file";
import { Random } from "./model/random";
import { draw, stages } from "./model/sample";
import { WasmEngine } from "./model/wasm";

/** What the page asks. `job` and `load` are the page's numbers for an answer. */
export type Ask =
  | { kind: "load"; load: number; model: string; bytes: number; wasm: string; plain: boolean }
  | { kind: "reply"; job: number; ids: number[]; settings: Settings; forbidden: number[]; end: number; off: Off; plain: boolean }
  | { kind: "read"; job: number; ids: number[]; off: Off; plain: boolean }
  | { kind: "stop"; job: number };

/** What the worker tells. `step` comes once for every token read; `next` is the token that was drawn from it. */
export type Tell =
  | { kind: "progress"; load: number; loaded: number; all: number }
  | { kind: "ready"; load: number; engine: Engine["kind"]; why?: string; shape: Shape }
  | { kind: "failed"; load: number; why: string }
  | { kind: "failed"; job: number; why: string }
  | { kind: "step"; job: number; place: number; step: Step; next?: number; random?: number }
  | { kind: "done"; job: number };

const PROGRESS = 100; // milliseconds between two words about a download

let engine: Engine | undefined;
let plain: PlainEngine | undefined;
let newest = 0; // load
const running = new Set<number>(); // jobs
const stopped = new Set<number>();

const tell = (told: Tell): void => postMessage(told);
const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

onmessage = async ({ data: ask }: MessageEvent<Ask>) => {
  if (ask.kind === "stop") {
    if (running.has(ask.job)) stopped.add(ask.job);
  } else if (ask.kind === "load") await load(ask).catch((error) => tell({ kind: "failed", load: ask.load, why: message(error) }));
  else await work(ask);
};

async function work(ask: Extract<Ask, { kind: "read" | "reply" }>): Promise<void> {
  const { job } = ask;
  running.add(job);
  try {
    await (ask.kind === "read" ? read(ask) : reply(ask));
  } catch (error) {
    tell({ kind: "failed", job, why: message(error) });
  }
  running.delete(job);
  stopped.delete(job);
}

async function load(ask: Extract<Ask, { kind: "load" }>): Promise<void> {
  newest = ask.load;
  for (const job of running) stopped.add(job);
  release(engine);
  engine = plain = undefined;
  if (!ask.plain) WasmEngine.prepare(ask.wasm).catch(() => undefined); // beside the download; what fails is told below
  const content = await download(ask);
  const slow = new PlainEngine(readModel(content));
  let quick: Engine = slow;
  let why: string | undefined;
  if (!ask.plain && ask.load === newest) {
    try {
      quick = await WasmEngine.start(content, slow.shape, ask.wasm);
    } catch (error) {
      why = message(error);
    }
  }
  if (ask.load !== newest) return release(quick); // another model has been asked for meanwhile
  [engine, plain] = [quick, slow];
  tell({ kind: "ready", load: ask.load, engine: engine.kind, why, shape: plain.shape });
}

/** Gives an engine's memory back, when the pass at hand is over. */
function release(engine: Engine | undefined): void {
  if (engine instanceof WasmEngine) turn = turn.then(() => engine.release()).catch(() => undefined);
}

/** The whole file, or an error that says what came instead. */
async function download({ model, bytes, load }: Extract<Ask, { kind: "load" }>): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(model);
  if (!answer.ok || !answer.body) throw new Error(`${answer.status} ${answer.statusText}`.trim());
  const content = new Uint8Array(bytes);
  let loaded = 0;
  let told = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (loaded + value.length > bytes) throw new Error(`the model's file is longer than ${bytes} bytes`);
    content.set(value, loaded);
    loaded += value.length;
    if (performance.now() - told > PROGRESS) {
      told = performance.now();
      tell({ kind: "progress", load, loaded, all: bytes });
    }
  }
  if (loaded < bytes) throw new Error(`only ${loaded} of ${bytes} bytes of the model came`);
  return content;
}

/** Reads tokens that are there already. */
async function read({ job, ids, off, plain: asked }: Extract<Ask, { kind: "read" }>): Promise<void> {
  const chosen = choose(asked || off.size > 0); // only plain JavaScript can leave parts out
  const reader = chosen.reader(off);
  for (let place = 0; place < ids.length && !stopped.has(job); place += chosen.atOnce) {
    const seen = await pass(reader, ids.slice(place, place + chosen.atOnce));
    seen.forEach((step, i) => tell({ kind: "step", job, place: place + i, step }));
  }
  tell({ kind: "done", job });
}

/** Reads the prompt, then draws one token after the other until the end, or until no place is left. */
async function reply(ask: Extract<Ask, { kind: "reply" }>): Promise<void> {
  const { job, settings } = ask;
  const chosen = choose(ask.plain || ask.off.size > 0);
  const reader = chosen.reader(ask.off);
  const random = new Random(settings.seed);
  let place = 0;
  for (let waiting = ask.ids; waiting.length > 0 && !stopped.has(job); ) {
    const tokens = waiting.slice(0, chosen.atOnce);
    waiting = waiting.slice(tokens.length);
    const seen = await pass(reader, tokens);
    const last = seen.pop()!;
    for (const step of seen) tell({ kind: "step", job, place: place++, step });
    const over = place + 1 === chosen.shape.context || tokens.at(-1) === ask.end;
    if (waiting.length > 0 || over) {
      tell({ kind: "step", job, place: place++, step: last });
      continue;
    }
    const number = random.next();
    const next = draw(stages(last.logits, settings, ask.forbidden), number);
    tell({ kind: "step", job, place: place++, step: last, next, random: settings.temperature === 0 ? undefined : number });
    waiting = [next];
  }
  tell({ kind: "done", job });
}

function choose(asked: boolean): Engine {
  const chosen = asked ? plain : engine;
  if (!chosen) throw new Error("no model is loaded");
  return chosen;
}

/** Some tokens. Jobs take turns, so that a long one can't hold up a reply; the engine reads for one at a time. */
let turn: Promise<unknown> = Promise.resolve();
function pass(reader: Reader, tokens: number[]): Promise<Step[]> {
  const mine = turn.then(async () => {
    await heard(); // a "stop" that came meanwhile
    return (await reader.read(tokens)).map(step);
  });
  turn = mine.catch(() => undefined);
  return mine;
}

/** Lets waiting messages in, for one caller at a time. Not by setTimeout, which would sleep for four milliseconds. */
const bell = new MessageChannel();
function heard(): Promise<void> {
  return new Promise((go) => {
    bell.port1.onmessage = () => go();
    bell.port2.postMessage(undefined);
  });
}
