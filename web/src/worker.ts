/** Beside the page, so that it never stands still: loads the model, reads messages, and draws replies token by token. */
import type { Off, Settings, Shape, Step } from "./types";
import { type Engine, PlainEngine, type Reader, step } from "./model/engine";
import { readModel } from "./model/onnx_file";
import { Random } from "./model/random";
import { draw, stages } from "./model/sample";
import { WasmEngine } from "./model/wasm";

/** What the page asks. `job` is the page's number for an answer. */
export type Ask =
  | { kind: "load"; model: string; bytes: number; wasm: string; plain: boolean }
  | { kind: "reply"; job: number; ids: number[]; settings: Settings; forbidden: number[]; end: number; off: Off; plain: boolean }
  | { kind: "read"; job: number; ids: number[]; plain: boolean }
  | { kind: "stop"; job: number };

/** What the worker tells. `step` comes once for every token read; `next` is the token that was drawn from it. */
export type Tell =
  | { kind: "progress"; loaded: number; all: number }
  | { kind: "ready"; engine: Engine["kind"]; why?: string; shape: Shape }
  | { kind: "failed"; job?: number; why: string }
  | { kind: "step"; job: number; place: number; step: Step; next?: number; random?: number }
  | { kind: "done"; job: number };

const PROGRESS = 100; // milliseconds between two words about a download

let engine: Engine | undefined;
let plain: PlainEngine | undefined;
const stopped = new Set<number>();

const tell = (told: Tell): void => postMessage(told);
const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

onmessage = async ({ data: ask }: MessageEvent<Ask>) => {
  const job = "job" in ask ? ask.job : undefined;
  try {
    if (ask.kind === "load") await load(ask);
    else if (ask.kind === "stop") stopped.add(ask.job);
    else if (ask.kind === "read") await read(ask);
    else await reply(ask);
  } catch (error) {
    tell({ kind: "failed", job, why: message(error) });
  }
};

async function load(ask: Extract<Ask, { kind: "load" }>): Promise<void> {
  engine = plain = undefined;
  if (!ask.plain) WasmEngine.prepare(ask.wasm).catch(() => undefined); // beside the download; what fails is told below
  const content = await download(ask.model, ask.bytes);
  const file = readModel(content);
  plain = new PlainEngine(file);
  engine = plain;
  let why: string | undefined;
  if (!ask.plain) {
    try {
      engine = await WasmEngine.start(content, plain.shape, ask.wasm);
    } catch (error) {
      why = message(error);
    }
  }
  tell({ kind: "ready", engine: engine.kind, why, shape: plain.shape });
}

/** The whole file, or an error that says what came instead. */
async function download(url: string, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await fetch(url);
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
      tell({ kind: "progress", loaded, all: bytes });
    }
  }
  if (loaded < bytes) throw new Error(`only ${loaded} of ${bytes} bytes of the model came`);
  return content;
}

/** Reads tokens that are there already. */
async function read({ job, ids, plain: asked }: Extract<Ask, { kind: "read" }>): Promise<void> {
  const running = choose(asked);
  const reader = running.reader();
  for (let place = 0; place < ids.length && !stopped.has(job); place += running.atOnce) {
    const seen = await pass(reader, ids.slice(place, place + running.atOnce));
    seen.forEach((step, i) => tell({ kind: "step", job, place: place + i, step }));
  }
  tell({ kind: "done", job });
}

/** Reads the prompt, then draws one token after the other until the end, or until no place is left. */
async function reply(ask: Extract<Ask, { kind: "reply" }>): Promise<void> {
  const { job, settings } = ask;
  const switched = ask.off.size > 0; // only plain JavaScript can leave parts out
  const running = choose(switched || ask.plain);
  const reader = running.reader(ask.off);
  const random = new Random(settings.seed);
  let place = 0;
  for (let waiting = ask.ids; waiting.length > 0 && !stopped.has(job); ) {
    const tokens = waiting.slice(0, running.atOnce);
    waiting = waiting.slice(tokens.length);
    const seen = await pass(reader, tokens);
    const last = seen.pop()!;
    for (const step of seen) tell({ kind: "step", job, place: place++, step });
    const over = place + 1 === running.shape.context || tokens.at(-1) === ask.end;
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
