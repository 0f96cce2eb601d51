/** All that the page knows, and all that can be done to it. The components only show it. */
import { encodePrompt, forbidden, replyText } from "./model/chat";
import { END, Tokenizer } from "./model/tokenizer";
import { type Language, speak } from "./strings";
import type { About, Code, Exchange, Growing, Off, Settings, Step } from "./types";
import type { Ask, Tell } from "./worker";

/** Those of guppylm/sample.py. Without a seed, every message gets a new one. */
export const DEFAULTS = { temperature: 0.4, topK: 40, topP: 0.95 };

export type Wishes = Omit<Settings, "seed"> & { seed: number | undefined };

export type State = {
  about?: About;
  tokenizer?: Tokenizer;
  code?: Code;
  growing: Growing;
  model: "loading" | "ready" | "failed";
  engine?: "wasm" | "plain";
  loaded: number;
  /** What went wrong, and where. */
  trouble?: string;
  /** The file of an earlier moment, if that is what speaks. */
  earlier?: string;
  exchanges: Exchange[];
  /** Exchanges whose steps come from a recording. */
  recorded: ReadonlySet<number>;
  shown: number;
  place: number;
  /** Whether the rivals of the chosen token are listed in the chat. */
  rivals: boolean;
  view: string;
  wishes: Wishes;
  language: Language;
};

type Answer = (told: Extract<Tell, { kind: "step" | "done" }> | { kind: "failed"; why: string }) => void;

const FRAME = 50; // milliseconds between two looks at a reply in the making; more often would only slow it down
/** The page appears in so many parts, one in each frame, since all in one would make it stand still. */
export const TURNS = 3;

const QUIET = 1000; // milliseconds that the first message has before it
const CHARACTER = "character/";
export const MODEL = "character/model.onnx";

export class Store {
  state: State = {
    growing: { loss: [], samples: [], models: [] },
    model: "loading",
    loaded: 0,
    exchanges: [],
    recorded: new Set(),
    shown: 0,
    place: 0,
    rivals: false,
    view: "next",
    wishes: { ...DEFAULTS, seed: undefined },
    language: "en",
  };

  private readonly listeners = new Set<() => void>();
  private readonly answers = new Map<number, Answer>();
  private worker?: Worker;
  private jobs = 0;
  private telling = false;
  private waiting?: () => void;

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Changes something; the components hear of it before the next frame, however often it happens until then. */
  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    if (this.telling) return;
    this.telling = true;
    const tell = () => {
      this.telling = false;
      for (const listener of this.listeners) listener();
    };
    void nextFrame().then(tell);
  }

  /** Everything that the page needs at once; then, when that has been drawn, the model. */
  async start(): Promise<void> {
    try {
      const [about, tokenizer, recorded] = await Promise.all(
        ["about.json", "tokenizer.json", "recorded.json"].map((file) => json(CHARACTER + file)),
      );
      this.set({ about: about as About, tokenizer: new Tokenizer(tokenizer as never) });
      this.addRecorded(recorded as Recorded);
      for (let turn = 0; turn <= TURNS; turn++) await nextFrame();
      await this.loadModel(undefined);
    } catch (error) {
      this.set({ model: "failed", trouble: describe(error) });
    }
    json(CHARACTER + "growing.json").then((growing) => this.set({ growing: growing as Growing }), () => undefined); // prettier-ignore
    json(CHARACTER + "code.json").then((code) => this.set({ code: code as Code }), () => undefined); // prettier-ignore
  }

  private addRecorded(recorded: Recorded): void {
    const vocabulary = this.state.about!.shape.vocabulary;
    const steps = recorded.steps.map((step) => readStep(step, vocabulary));
    const draws = recorded.draws.map((number) => number ?? undefined);
    const exchange: Exchange = { ...recorded, draws, steps, id: 0, state: "done" };
    this.set({ exchanges: [exchange], recorded: new Set([0]), shown: 0, place: exchange.replyStarts - 1 });
  }

  /** The model that speaks from now on: one of an earlier moment of the training, or the finished one. */
  async loadModel(earlier: string | undefined): Promise<void> {
    const { about } = this.state;
    if (!about) return;
    this.stop();
    const file = earlier ?? MODEL;
    this.set({ model: "loading", loaded: 0, trouble: undefined });
    await this.openWorker();
    const ready = new Promise<void>((go) => (this.waiting = go));
    this.ask({ kind: "load", model: address(file), bytes: about.bytes[file], wasm: address("engine.wasm"), plain: wantsPlain() });
    await ready;
    if (this.state.model !== "ready") return;
    this.set({ earlier });
    if (!earlier) setTimeout(() => this.reread(), QUIET);
  }

  private async openWorker(): Promise<void> {
    if (this.worker) return;
    // from a blob, since a Worker from a file would not be bound by the page's Content-Security-Policy
    const script = URL.createObjectURL(await (await fetch("worker.js")).blob());
    this.worker = new Worker(script, { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<Tell>) => this.hear(data);
    this.worker.onerror = (event) => this.set({ model: "failed", trouble: event.message || "worker.js" });
  }

  private ask(ask: Ask): void {
    this.worker?.postMessage(ask);
  }

  private hear(told: Tell): void {
    if (told.kind === "progress") this.set({ loaded: told.loaded });
    else if (told.kind === "ready") {
      this.set({ model: "ready", engine: told.engine });
      this.waiting?.();
    } else if (told.kind === "failed" && told.job === undefined) {
      this.set({ model: "failed", trouble: told.why });
      this.waiting?.();
    } else {
      const job = told.job!;
      this.answers.get(job)?.(told as Parameters<Answer>[0]);
      if (told.kind !== "step") this.answers.delete(job);
    }
  }

  /** The recorded exchange, read by the real model; whoever wants a reply comes first. */
  private reread(): void {
    if (this.state.earlier || this.state.model !== "ready") return; // another model has been asked for meanwhile
    if (this.busy) {
      setTimeout(() => this.reread(), QUIET);
      return;
    }
    const id = [...this.state.recorded][0];
    const exchange = this.exchange(id);
    if (!exchange) return;
    const steps: Step[] = [];
    this.job({ kind: "read", job: 0, ids: exchange.ids, plain: false }, (told) => {
      if (told.kind === "step") steps.push(told.step);
      if (told.kind === "done" && steps.length === exchange.ids.length) {
        this.change(id, { steps });
        this.set({ recorded: new Set() });
      }
    });
  }

  private job(ask: Extract<Ask, { kind: "read" | "reply" }>, answer: Answer): number {
    const job = ++this.jobs;
    this.answers.set(job, answer);
    this.ask({ ...ask, job });
    return job;
  }

  exchange(id = this.state.shown): Exchange | undefined {
    return this.state.exchanges.find((exchange) => exchange.id === id);
  }

  private change(id: number, change: Partial<Exchange>): void {
    this.set({ exchanges: this.state.exchanges.map((one) => (one.id === id ? { ...one, ...change } : one)) });
  }

  private running?: { job: number; exchange: number };

  get busy(): boolean {
    return this.running !== undefined;
  }

  /** A message to the character. Nothing happens while it speaks, or if there is nothing in the message. */
  send(message: string): void {
    const { tokenizer, about, wishes } = this.state;
    if (!tokenizer || !about || this.busy || this.state.model !== "ready" || !message.trim()) return;
    const prompt = encodePrompt(tokenizer, message, about.shape.context);
    const settings = { ...wishes, seed: wishes.seed ?? Math.floor(Math.random() * 1_000_000) };
    const draws = prompt.ids.map(() => undefined);
    this.begin({ message, settings, ids: prompt.ids, leftOut: prompt.leftOut, replyStarts: prompt.ids.length, draws });
  }

  /** The same message once more, with another seed unless one is set. */
  again(id: number): void {
    const exchange = this.exchange(id);
    if (exchange) this.send(exchange.message);
  }

  /** Takes back the reply from `at` on, says `token` there, and lets the model go on. The old reply stays. */
  branch(id: number, at: number, token: number): void {
    const old = this.exchange(id);
    if (!old || this.busy || this.state.model !== "ready" || at < old.replyStarts) return;
    const ids = [...old.ids.slice(0, at), token];
    const draws = [...old.draws.slice(0, at), undefined];
    const { message, settings, leftOut, replyStarts } = old;
    this.begin({ message, settings, leftOut, replyStarts, ids, draws, branch: { of: id, at } });
    this.choose(at - 1);
  }

  private begin(given: Omit<Exchange, "id" | "steps" | "state">): void {
    const id = 1 + Math.max(-1, ...this.state.exchanges.map((one) => one.id));
    const [ids, draws, steps] = [[...given.ids], [...given.draws], [] as Step[]];
    this.set({
      exchanges: [...this.state.exchanges, { ...given, id, steps, state: "reading" }],
      shown: id,
      place: given.replyStarts - 1,
      rivals: false,
      trouble: undefined,
    });
    const { tokenizer } = this.state;
    let drawn = 0;
    const ask = this.replyAsk(ids, given.settings, new Set());
    const job = this.job(ask, (told) => {
      if (told.kind === "step") {
        steps.push(told.step);
        if (told.next !== undefined) {
          ids.push(told.next);
          draws.push(told.random);
        }
        const now = performance.now();
        if (now - drawn < FRAME) return;
        drawn = now;
        this.change(id, { ids: [...ids], draws: [...draws], steps: [...steps] });
        return;
      }
      this.running = undefined;
      this.change(id, { ids, draws, steps });
      const ended = ids.at(-1) === tokenizer!.id(END) || ids.length === this.state.about!.shape.context;
      this.change(id, { state: told.kind === "failed" ? "failed" : ended ? "done" : "stopped" });
      if (told.kind === "failed") this.set({ trouble: told.why });
    });
    this.running = { job, exchange: id };
  }

  private replyAsk(ids: number[], settings: Settings, off: Off): Extract<Ask, { kind: "reply" }> {
    const tokenizer = this.state.tokenizer!;
    const end = tokenizer.id(END);
    return { kind: "reply", job: 0, ids, settings, forbidden: forbidden(tokenizer), end, off, plain: false };
  }

  stop(): void {
    if (this.running) this.ask({ kind: "stop", job: this.running.job });
  }

  choose(place: number): void {
    this.set({ place });
  }

  /** An exchange, and a place in it; `rivals`: with what else could have come there. */
  show(id: number, place?: number, rivals = false): void {
    const exchange = this.exchange(id);
    if (exchange) this.set({ shown: id, place: place ?? exchange.replyStarts - 1, rivals });
  }

  /** What would become of an exchange with parts of the model switched off. */
  run(exchange: Exchange, off: Off, place: number): Promise<{ step: Step; reply: number[] }> {
    const read = (ids: number[]) =>
      new Promise<{ steps: Step[]; reply: number[] }>((found, failed) => {
        const steps: Step[] = [];
        const reply: number[] = [];
        this.job(this.replyAsk(ids, exchange.settings, off), (told) => {
          if (told.kind === "step") {
            steps.push(told.step);
            if (told.next !== undefined) reply.push(told.next);
          } else if (told.kind === "failed") failed(new Error(told.why));
          else found({ steps, reply });
        });
      });
    const upTo = Math.max(place + 1, exchange.replyStarts);
    const prompt = exchange.ids.slice(0, exchange.replyStarts);
    return read(prompt).then(async ({ steps, reply }) => {
      const same = reply.slice(0, upTo - prompt.length).every((id, i) => id === exchange.ids[prompt.length + i]);
      if (place < prompt.length || (same && steps.length > place)) return { step: steps[place], reply };
      return { step: (await read(exchange.ids.slice(0, upTo))).steps[place], reply };
    });
  }

  /** How far the two engines are apart on the shown exchange: the largest difference of any score. */
  async compare(): Promise<number> {
    const ids = this.exchange()!.ids;
    const read = (plain: boolean) =>
      new Promise<Step[]>((found, failed) => {
        const steps: Step[] = [];
        this.job({ kind: "read", job: 0, ids, plain }, (told) => {
          if (told.kind === "step") steps.push(told.step);
          else if (told.kind === "failed") failed(new Error(told.why));
          else found(steps);
        });
      });
    const [quick, plain] = [await read(false), await read(true)];
    return Math.max(...quick.flatMap((step, i) => step.logits.reduce((most, score, id) => Math.max(most, Math.abs(score - plain[i].logits[id])), 0))); // prettier-ignore
  }

  setLanguage(language: Language): void {
    speak(language);
    document.documentElement.lang = language;
    this.set({ language });
  }

  replyText(exchange: Exchange): string {
    return replyText(this.state.tokenizer!, exchange.ids.slice(exchange.replyStarts));
  }
}

/** An exchange as character/recorded.json holds it. */
type Recorded = Omit<Exchange, "id" | "state" | "steps" | "draws"> & {
  draws: (number | null)[];
  steps: { logits: [number, number][]; attention: number[]; lens: [number, number][][] }[];
};

function readStep(step: Recorded["steps"][0], vocabulary: number): Step {
  const logits = new Float32Array(vocabulary).fill(-Infinity);
  for (const [id, score] of step.logits) logits[id] = score;
  const lens = step.lens.map((depth) => depth.map(([id, share]) => ({ id, share })));
  return { logits, look: { attention: Float32Array.from(step.attention), lens } };
}

/** A Worker from a blob has no address of its own that a path could begin from. */
const address = (path: string): string => new URL(path, document.baseURI).href;

/** Before the page is drawn the next time; in the background it is not drawn at all. */
function nextFrame(): Promise<unknown> {
  return new Promise((go) => (document.hidden ? setTimeout(go) : requestAnimationFrame(go)));
}

export async function json(path: string): Promise<unknown> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${answer.statusText}`.trim());
  return answer.json();
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** ?engine=plain leaves WebAssembly out. */
function wantsPlain(): boolean {
  return new URLSearchParams(location.search).get("engine") === "plain";
}
