/** Running the model with parts off: one answer to what is off now, and the search for the head that matters most. */
import { useEffect, useRef, useState } from "preact/hooks";
import { shareOf } from "../model/sample";
import type { Exchange, Off, Shape, Step } from "../types";

/** Runs the model with parts off: the step at the chosen place, and the ids of the whole new reply unless `stepOnly`. */
export type Run = (off: Off, signal: AbortSignal, stepOnly?: boolean) => Promise<{ step: Step; reply: number[] }>;

export type Answer =
  | { state: "none" }
  | { state: "thinking" }
  | { state: "failed"; why: string }
  | { state: "done"; step: Step; reply: number[] };

const DEBOUNCE = 300; // milliseconds without another click before the model is asked

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A function of the newest render, for work that goes on after it. */
function useNewest<T>(value: T): { current: T } {
  const newest = useRef(value);
  newest.current = value;
  return newest;
}

export function useAnswer(run: Run, off: Off, exchange: Exchange, place: number): Answer {
  const question = [off, exchange.id, place, exchange.state] as const;
  const [answered, setAnswered] = useState<{ question: readonly unknown[]; answer: Answer }>();
  const ask = useNewest(run);
  const nothing = off.size === 0 || exchange.state === "reading" || place < 0;

  useEffect(() => {
    if (nothing) return;
    const stale = new AbortController();
    const tell = (answer: Answer) => !stale.signal.aborted && setAnswered({ question, answer });
    const timer = setTimeout(() => {
      ask.current(off, stale.signal).then(
        ({ step, reply }) => tell({ state: "done", step, reply }),
        (error) => tell({ state: "failed", why: reason(error) }),
      );
    }, DEBOUNCE);
    return () => {
      stale.abort();
      clearTimeout(timer);
    };
  }, question);

  if (nothing) return { state: "none" };
  const fits = answered?.question.every((part, i) => part === question[i]);
  return answered && fits ? answered.answer : { state: "thinking" };
}

export type Search = {
  state: "running" | "done" | "failed";
  /** The next token whose share is watched, and its share with everything on. */
  token: number;
  before: number;
  /** So many heads were tried. */
  tried: number;
  /** The one without which the share is lowest, if any lowers it. */
  best?: { layer: number; head: number; share: number };
  why?: string;
};

export function useSearch(run: Run, shape: Shape, exchange: Exchange, place: number) {
  const [search, setSearch] = useState<Search>();
  const ask = useNewest(run);
  const newest = useRef(new AbortController());

  function cancel(): void {
    newest.current.abort();
    setSearch(undefined);
  }

  useEffect(() => cancel, [exchange.id, place]);

  async function start(): Promise<void> {
    newest.current.abort();
    const { signal } = (newest.current = new AbortController());
    const { logits, look } = exchange.steps[place];
    const token = exchange.ids[place + 1] ?? look.lens[look.lens.length - 1][0].id;
    let now: Search = { state: "running", token, before: shareOf(logits, token), tried: 0 };
    const tell = (news: Partial<Search>) => setSearch((now = { ...now, ...news }));
    tell({});
    try {
      for (let part = 0; part < shape.layers * shape.heads; part++) {
        const [layer, head] = [Math.floor(part / shape.heads), part % shape.heads];
        const { step } = await ask.current(new Set([`${layer}.${head}`]), signal, true);
        if (signal.aborted) return;
        const share = shareOf(step.logits, token);
        const lower = share < (now.best?.share ?? now.before);
        tell({ tried: part + 1, best: lower ? { layer, head, share } : now.best });
      }
      tell({ state: "done" });
    } catch (error) {
      if (!signal.aborted) tell({ state: "failed", why: reason(error) });
    }
  }

  return { search, start, cancel };
}
