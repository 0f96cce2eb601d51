/** All that the page knows, and all that can be done to it. The components only show it. */
import { type Job, Line, type News, reading } from "./line";
import { encodePrompt, firstWord, forbidden, replyText } from "./model/chat";
import { END, Tokenizer } from "./model/tokenizer";
import { type Language, speak } from "./strings";
import type { About, Code, Exchange, Growing, Off, Settings, Step } from "./types";

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
  /** Whether a newer version of the page has come meanwhile. */
  newer: boolean;
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
    newer: false,
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
  private readonly line = new Line((news: News) => this.set(news));
  private telling = false;

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
    this.set({ exchanges: [exchange], recorded: new Set([0]), shown: 0, place: this.firstPlace(exchange) });
  }

  /** The model that speaks from now on: one of an earlier moment of the training, or the finished one. */
  async loadModel(earlier: string | undefined): Promise<void> {
    const { about } = this.state;
    if (!about) return;
    this.stop();
    const file = earlier ?? MODEL;
    this.set({ model: "loading", loaded: 0, trouble: undefined, earlier });
    if (!(await this.line.load(file, about.bytes[file]))) return;
    if (!earlier) setTimeout(() => this.reread(), QUIET);
  }

  /** The recorded exchange, read by the real model; whoever wants a reply comes first. */
  private reread(): void {
    if (this.state.earlier || this.state.model !== "ready") return; // another model has been asked for meanwhile
    if (this.busy) {
      setTimeout(() => this.reread(), QUIET);
      return;
    }
    for (const id of this.state.recorded) {
      const { ids } = this.exchange(id)!;
      const taken = ({ steps }: { steps: Step[] }) => {
        if (steps.length < ids.length) return; // stopped, since another model was asked for
        this.change(id, { steps });
        this.set({ recorded: new Set() });
      };
      this.line.finished(reading(ids)).then(taken, () => undefined);
    }
  }

  exchange(id = this.state.shown): Exchange | undefined {
    return this.state.exchanges.find((exchange) => exchange.id === id);
  }

  /** The place whose scores the reply's first word is drawn from. */
  firstPlace(exchange: Pick<Exchange, "ids" | "replyStarts">): number {
    return firstWord(this.state.tokenizer!, exchange) - 1;
  }

  private change(id: number, change: Partial<Exchange>): void {
    this.set({ exchanges: this.state.exchanges.map((one) => (one.id === id ? { ...one, ...change } : one)) });
  }

  private running?: { job: number; exchange: number };

  get busy(): boolean {
    return this.running !== undefined;
  }

  /** A message to the character; the reply goes on from the tokens `given`, if there are any. Nothing happens while it
   * speaks, or if there is nothing in the message: false.
   */
  send(message: string, given: number[] = []): boolean {
    const { tokenizer, about, wishes } = this.state;
    if (!tokenizer || !about || this.busy || this.state.model !== "ready" || !message.trim()) return false;
    const prompt = encodePrompt(tokenizer, message, about.shape.context);
    const settings = { ...wishes, seed: wishes.seed ?? Math.floor(Math.random() * 1_000_000) };
    const replyStarts = prompt.ids.length;
    const ids = [...prompt.ids, ...given].slice(0, about.shape.context);
    this.begin({ message, settings, ids, leftOut: prompt.leftOut, replyStarts, draws: ids.map(() => undefined) });
    return true;
  }

  /** The same message once more, with another seed unless one is set. */
  again(id: number): void {
    const exchange = this.exchange(id);
    if (exchange) this.send(exchange.message);
  }

  /** Takes back the reply from `at` on, says `token` there, and lets the model go on. The old reply stays. */
  branch(id: number, at: number, token: number): void {
    const old = this.exchange(id);
    if (!old || !this.mayBranch(old) || at < old.replyStarts) return;
    const ids = [...old.ids.slice(0, at), token];
    const draws = [...old.draws.slice(0, at), undefined];
    const { message, settings, leftOut, replyStarts } = old;
    this.begin({ message, settings, leftOut, replyStarts, ids, draws, branch: { of: id, at } });
    this.choose(at - 1);
  }

  /** Only the model that said a reply can go on with it. */
  mayBranch(exchange: Exchange): boolean {
    return !this.busy && this.state.model === "ready" && exchange.model === this.state.earlier;
  }

  private begin(given: Omit<Exchange, "id" | "steps" | "state" | "model">): void {
    const id = 1 + Math.max(-1, ...this.state.exchanges.map((one) => one.id));
    const [ids, draws, steps] = [[...given.ids], [...given.draws], [] as Step[]];
    this.set({
      exchanges: [...this.state.exchanges, { ...given, id, steps, state: "reading", model: this.state.earlier }],
      shown: id,
      place: given.replyStarts - 1,
      rivals: false,
      trouble: undefined,
    });
    const { tokenizer } = this.state;
    let drawn = 0;
    const ask = this.replyAsk(ids, given.settings, new Set());
    const job = this.line.begin(ask, (told) => {
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
      const untouched = this.state.shown === id && this.state.place === given.replyStarts - 1;
      if (untouched) this.choose(this.firstPlace({ ids, replyStarts: given.replyStarts }));
      const ended = ids.at(-1) === tokenizer!.id(END) || ids.length === this.state.about!.shape.context;
      this.change(id, { state: told.kind === "failed" ? "failed" : ended ? "done" : "stopped" });
      if (told.kind === "failed") this.set({ trouble: told.why });
    });
    this.running = { job, exchange: id };
  }

  private replyAsk(ids: number[], settings: Settings, off: Off): Job {
    const tokenizer = this.state.tokenizer!;
    const end = tokenizer.id(END);
    return { kind: "reply", job: 0, ids, settings, forbidden: forbidden(tokenizer), end, off, plain: false };
  }

  stop(): void {
    if (this.running) this.line.stop(this.running.job);
  }

  choose(place: number): void {
    this.set({ place });
  }

  /** An exchange, and a place in it; `rivals`: with what else could have come there. */
  show(id: number, place?: number, rivals = false): void {
    const exchange = this.exchange(id);
    if (exchange) this.set({ shown: id, place: place ?? exchange.replyStarts - 1, rivals });
  }

  /** What would become of an exchange with parts of the model switched off: the step at `place`, and the ids of the new
   * reply, which begins with the tokens that a person chose in the old one. `stepOnly` does without the reply.
   */
  async run(exchange: Exchange, off: Off, place: number, signal?: AbortSignal, stepOnly = false): Promise<{ step: Step; reply: number[] }> {
    const upTo = exchange.ids.slice(0, place + 1);
    const stepThere = async () => (await this.line.finished(reading(upTo, off), signal)).steps[place];
    if (stepOnly) return { step: await stepThere(), reply: [] };
    const given = exchange.ids.slice(0, exchange.branch ? exchange.branch.at + 1 : exchange.replyStarts);
    const { steps, reply } = await this.line.finished(this.replyAsk(given, exchange.settings, off), signal);
    signal?.throwIfAborted();
    const ids = [...given, ...reply];
    const same = steps.length > place && upTo.every((id, i) => id === ids[i]);
    return { step: same ? steps[place] : await stepThere(), reply: ids.slice(exchange.replyStarts) };
  }

  /** How far the two engines are apart on the shown exchange: the largest difference of any score. */
  async compare(): Promise<number> {
    const { ids } = this.exchange()!;
    const { steps: quick } = await this.line.finished(reading(ids));
    const { steps: plain } = await this.line.finished(reading(ids, undefined, true));
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
