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
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    if (loaded + value.length > bytes) throw new Error(`the model's file is longer than ${bytes} bytes`);
    content.set(value, loaded);
    loaded += value.length;
    tell({ kind: "progress", loaded, all: bytes });
  }
  if (loaded < bytes) throw new Error(`only ${loaded} of ${bytes} bytes of the model came`);
  return content;
}

/** Reads tokens that are there already. */
async function read({ job, ids, plain: asked }: Extract<Ask, { kind: "read" }>): Promise<void> {
  const reader = choose(asked).reader();
  for (let place = 0; place < ids.length && !stopped.has(job); place++) {
    tell({ kind: "step", job, place, step: await pass(reader, ids[place]) });
  }
  tell({ kind: "done", job });
}

/** Reads the prompt, then draws one token after the other until the end, or until no place is left. */
async function reply(ask: Extract<Ask, { kind: "reply" }>): Promise<void> {
  const { job, ids, settings } = ask;
  const switched = ask.off.size > 0; // only plain JavaScript can leave parts out
  const running = choose(switched || ask.plain);
  const reader = running.reader(ask.off);
  const random = new Random(settings.seed);
  let token: number | undefined = ids[0];
  for (let place = 0; token !== undefined && !stopped.has(job); place++) {
    const seen = await pass(reader, token);
    let next: number | undefined = ids[place + 1];
    let number: number | undefined;
    const over = place + 1 === running.shape.context || token === ask.end;
    if (next === undefined && !over) {
      number = random.next();
      next = draw(stages(seen.logits, settings, ask.forbidden), number);
    }
    const drawn = number === undefined ? {} : { next, random: settings.temperature === 0 ? undefined : number };
    tell({ kind: "step", job, place, step: seen, ...drawn });
    token = next;
  }
  tell({ kind: "done", job });
}

function choose(asked: boolean): Engine {
  const chosen = asked ? plain : engine;
  if (!chosen) throw new Error("no model is loaded");
  return chosen;
}

/** One token; messages that came meanwhile ("stop") are heard before the next. */
async function pass(reader: Reader, token: number): Promise<Step> {
  await heard();
  return step(await reader.read(token));
}

/** Lets waiting messages in. Not by setTimeout, which would sleep for four milliseconds. */
const bell = new MessageChannel();
function heard(): Promise<void> {
  return new Promise((go) => {
    bell.port1.onmessage = () => go();
    bell.port2.postMessage(undefined);
  });
}
