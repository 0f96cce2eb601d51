/** The line to the Worker: what it is asked, and which answer belongs to which question. */
import type { Off, Step } from "./types";
import type { Ask, Tell } from "./worker";

export type Job = Extract<Ask, { kind: "read" | "reply" }>;
export type Answer = (told: Extract<Tell, { kind: "step" | "done" }> | { kind: "failed"; why: string }) => void;

/** How far a model has come. */
export type News = { model: "loading"; loaded: number } | { model: "ready"; engine: "wasm" | "plain" } | { model: "failed"; trouble: string };

export class Line {
  private readonly answers = new Map<number, Answer>();
  private worker?: Worker;
  private jobs = 0;
  private loads = 0; // the Worker gives the newest only
  private arrived?: (there: boolean) => void;

  constructor(private readonly hearNews: (news: News) => void) {}

  /** Whether the model of this file is there at last: not if it failed, or if another one was asked for meanwhile. */
  async load(file: string, bytes: number): Promise<boolean> {
    const load = ++this.loads;
    this.arrived?.(false);
    const arrived = new Promise<boolean>((tell) => (this.arrived = tell));
    try {
      await this.openWorker();
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
    }
    this.ask({ kind: "load", load, model: address(file), bytes, wasm: address("engine.wasm"), plain: wantsPlain() });
    return arrived;
  }

  private async openWorker(): Promise<void> {
    if (this.worker) return;
    // from a blob, since a Worker from a file would not be bound by the page's Content-Security-Policy
    const answer = await fetch("worker.js");
    if (!answer.ok) throw new Error(`worker.js: ${answer.status} ${answer.statusText}`.trim());
    this.worker = new Worker(URL.createObjectURL(await answer.blob()), { type: "module" });
    this.worker.onmessage = ({ data }: MessageEvent<Tell>) => this.hear(data);
    this.worker.onerror = (event) => this.lose(event.message || "worker.js");
  }

  /** The Worker is gone, and all that it was asked with it; the next load opens another one. */
  private lose(why: string): void {
    this.worker?.terminate();
    this.worker = undefined;
    this.hearNews({ model: "failed", trouble: why });
    for (const answer of this.answers.values()) answer({ kind: "failed", why });
    this.answers.clear();
    this.arrived?.(false);
  }

  private ask(ask: Ask): void {
    this.worker?.postMessage(ask);
  }

  private hear(told: Tell): void {
    if ("load" in told) this.hearOfModel(told);
    else {
      this.answers.get(told.job)?.(told);
      if (told.kind !== "step") this.answers.delete(told.job);
    }
  }

  private hearOfModel(told: Extract<Tell, { load: number }>): void {
    if (told.load !== this.loads) return;
    if (told.kind === "progress") return this.hearNews({ model: "loading", loaded: told.loaded });
    this.hearNews(told.kind === "ready" ? { model: "ready", engine: told.engine } : { model: "failed", trouble: told.why });
    this.arrived?.(told.kind === "ready");
  }

  /** Asks, and gives the number by which the job can be stopped. */
  begin(ask: Job, answer: Answer): number {
    const job = ++this.jobs;
    this.answers.set(job, answer);
    this.ask({ ...ask, job });
    return job;
  }

  stop(job: number): void {
    this.ask({ kind: "stop", job });
  }

  /** All that a job found, when it is done or `signal` has stopped it. */
  finished(ask: Job, signal?: AbortSignal): Promise<{ steps: Step[]; reply: number[] }> {
    return new Promise((found, failed) => {
      const [steps, reply]: [Step[], number[]] = [[], []];
      const job = this.begin(ask, (told) => {
        if (told.kind === "step") {
          steps.push(told.step);
          if (told.next !== undefined) reply.push(told.next);
        } else if (told.kind === "failed") failed(new Error(told.why));
        else found({ steps, reply });
      });
      signal?.addEventListener("abort", () => this.stop(job));
    });
  }
}

/** To read tokens that are there already; `off`: without some parts of the model. */
export function reading(ids: number[], off: Off = new Set(), plain = false): Job {
  return { kind: "read", job: 0, ids, off, plain };
}

/** A Worker from a blob has no address of its own that a path could begin from. */
const address = (path: string): string => new URL(path, document.baseURI).href;

/** ?engine=plain leaves WebAssembly out. */
function wantsPlain(): boolean {
  return new URLSearchParams(location.search).get("engine") === "plain";
}
