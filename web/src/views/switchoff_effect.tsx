/** What changed with parts off: the likeliest next tokens before and after, and both replies. */
import { useMemo } from "preact/hooks";
import { Figure } from "../figure";
import { replyText } from "../model/chat";
import { stages } from "../model/sample";
import type { Tokenizer } from "../model/tokenizer";
import { fill, words } from "../strings";
import type { Exchange, Off, Step } from "../types";
import { label, percent, rounded, unabridged } from "./labels";
import { PairedBars } from "./pairedBars";
import { bracketed, thoughtsOf } from "./thoughts";

const BARS = 10;
const LONGEST = 30;
const AS_THE_MODEL_SEES_IT = { temperature: 1, topK: 0, topP: 1, seed: 0 };

type Pair = { id: number; before: number; after: number };

/** The tokens that are likeliest with everything on or with the parts off, so that newcomers are seen as well. */
function likeliestPairs(before: Float32Array, after: Float32Array): Pair[] {
  const all = [before, after].map((logits) => stages(logits, AS_THE_MODEL_SEES_IT));
  const [on, off] = all.map(({ ids, plain }) => new Map(Array.from(ids, (id, i) => [id, plain[i]])));
  const ids = new Set(all.flatMap((side) => Array.from(side.ids.subarray(0, BARS))));
  const pairs = Array.from(ids, (id) => ({ id, before: on.get(id) ?? 0, after: off.get(id) ?? 0 }));
  const larger = (pair: Pair) => Math.max(pair.before, pair.after);
  return pairs
    .sort((a, b) => larger(b) - larger(a))
    .slice(0, BARS)
    .sort((a, b) => b.before - a.before);
}

export function Bars(props: {
  exchange: Exchange;
  tokenizer: Tokenizer;
  place: number;
  off: Off;
  step: Step;
  live: boolean;
}) {
  const t = words().switchOff;
  const { exchange, tokenizer, place, off, step } = props;
  const before = exchange.steps[place].logits;
  const pairs = useMemo(() => likeliestPairs(before, step.logits), [before, step]);
  const name = (id: number) => label(tokenizer, id, LONGEST);
  const told = ({ id, before, after }: Pair) => `${name(id)} ${percent(before)} → ${percent(after)}`;
  const rows = pairs.map(({ id, before, after }) => ({
    label: name(id),
    whole: unabridged(tokenizer, id, LONGEST),
    light: { share: before, text: percent(before) },
    full: { share: after, text: percent(after) },
  }));
  const title = fill(t.next, { place: place + 1, token: name(exchange.ids[place]) });

  function take(): unknown {
    const tokens = pairs.map(({ id, before, after }) => ({
      id,
      token: tokenizer.show(id),
      allOn: rounded(before),
      partsOff: rounded(after),
    }));
    return { place, off: [...off].sort(), tokens };
  }

  return (
    <>
      <h3>{title}</h3>
      <p>{t.legend}</p>
      {!props.live && <p class="note">{t.recorded}</p>}
      <Figure name="switch-off" data={take}>
        <PairedBars rows={rows} label={`${title} ${t.legend} ${pairs.map(told).join("; ")}`} />
      </Figure>
    </>
  );
}

/** Which words of two texts stand in both, in the same order (the longest such row of words). */
function common(a: string[], b: string[]): { inA: boolean[]; inB: boolean[] } {
  // longest[i][k]: of the words from a[i] and from b[k] on
  const longest = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let k = b.length - 1; k >= 0; k--) {
      longest[i][k] = a[i] === b[k] ? longest[i + 1][k + 1] + 1 : Math.max(longest[i + 1][k], longest[i][k + 1]);
    }
  }
  const inA = a.map(() => false);
  const inB = b.map(() => false);
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    if (a[i] === b[k]) inA[i++] = inB[k++] = true;
    else if (longest[i + 1][k] >= longest[i][k + 1]) i++;
    else k++;
  }
  return { inA, inB };
}

type Said = { text: string; thoughts: string[] };

function change(before: Said, after: Said): string {
  const t = words().switchOff;
  if (before.text !== after.text) return t.otherReply;
  return bracketed(before.thoughts) === bracketed(after.thoughts) ? t.sameReply : t.sameWords;
}

function Thoughts({ names }: { names: string[] }) {
  return names.length > 0 ? <span class="note">{bracketed(names)} </span> : null;
}

export function Replies(props: { exchange: Exchange; tokenizer: Tokenizer; off: Off; reply: number[] }) {
  const t = words().switchOff;
  const { exchange, tokenizer, off, reply } = props;
  const [before, after] = [exchange.ids.slice(exchange.replyStarts), reply].map((ids) => ({
    text: replyText(tokenizer, ids),
    thoughts: thoughtsOf(tokenizer, ids),
  }));
  const [old, fresh] = [before, after].map(({ text }) => text.split(" ").filter(Boolean));
  const { inA, inB } = common(old, fresh);

  function take(): unknown {
    const thoughts = { allOn: before.thoughts, partsOff: after.thoughts };
    return { off: [...off].sort(), allOn: before.text, partsOff: after.text, thoughts };
  }

  return (
    <>
      <h3>{t.reply}</h3>
      <p>{change(before, after)}</p>
      {exchange.state === "stopped" && <p class="note">{t.wasStopped}</p>}
      <Figure name="switch-off-replies" data={take}>
        <dl class="replies">
          <dt>{t.allOnReply}</dt>
          <dd>
            <Thoughts names={before.thoughts} />
            {marked(old, inA, "del")}
          </dd>
          <dt>{t.partsOffReply}</dt>
          <dd>
            <Thoughts names={after.thoughts} />
            {marked(fresh, inB, "ins")}
          </dd>
        </dl>
      </Figure>
    </>
  );
}

function marked(text: string[], inBoth: boolean[], Mark: "del" | "ins") {
  if (text.length === 0) return <em>{words().switchOff.silence}</em>;
  return text.flatMap((word, i) => [inBoth[i] ? word : <Mark key={i}>{word}</Mark>, " "]);
}
