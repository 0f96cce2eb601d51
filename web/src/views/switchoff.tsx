/** Switch off: silence heads, feed-forwards or whole layers, and see what the model says without them. */
import { useState } from "preact/hooks";
import { fill, words } from "../strings";
import type { Off, ViewProps } from "../types";
import { label, percent, shownPlace, TokenLine } from "./labels";
import { Bars, Replies } from "./switchoff_effect";
import { type Run, type Search, useAnswer, useSearch } from "./switchoff_runs";

const NOTHING: Off = new Set();

export function SwitchOffView(props: ViewProps & { run: Run }) {
  const t = words().switchOff;
  const { about, exchange, tokenizer } = props;
  const [off, setOff] = useState(NOTHING);
  const place = shownPlace(props);
  const answer = useAnswer(props.run, off, exchange, place);
  const { search, start, cancel } = useSearch(props.run, about.shape, exchange, place);
  if (place < 0) return <p class="note">{t.waiting}</p>;

  const ready = exchange.state !== "reading";

  /** All of the parts are off already: on with them. Otherwise: off with them. */
  function toggle(parts: string[]): void {
    cancel();
    const next = new Set(off);
    const isOff = parts.every((part) => off.has(part));
    for (const part of parts) {
      if (isOff) next.delete(part);
      else next.add(part);
    }
    setOff(next);
  }

  return (
    <section class="switchoff-view">
      <h2>{t.title}</h2>
      <p>{t.about}</p>
      <p class="note">{t.how}</p>
      <Parts layers={about.shape.layers} heads={about.shape.heads} off={off} toggle={toggle} />
      <div class="row">
        <button class="quiet" onClick={() => (cancel(), setOff(NOTHING))}>{t.allOn}</button>
        {search?.state === "running" ? (
          <button class="quiet" onClick={cancel}>{t.cancel}</button>
        ) : (
          <button class="quiet" aria-disabled={!ready} onClick={() => ready && start()}>{t.findHead}</button>
        )}
      </div>
      {search && <Found {...{ search, props }} count={about.shape.layers * about.shape.heads} choose={setOff} />}

      <h3>{t.choosePlace}</h3>
      <TokenLine {...props} name={t.choosePlace} />

      <p role="status">
        {!ready && t.waiting}
        {ready && answer.state === "none" && t.allAreOn}
        {answer.state === "thinking" && t.thinking}
        {answer.state === "failed" && fill(t.failed, { why: answer.why })}
      </p>
      {answer.state === "done" && (
        <>
          <Bars {...{ exchange, tokenizer, place, off }} step={answer.step} live={props.live} />
          <Replies {...{ exchange, tokenizer, off }} reply={answer.reply} />
        </>
      )}
    </section>
  );
}

type PartsProps = { layers: number; heads: number; off: Off; toggle: (parts: string[]) => void };

/** One row a layer: its heads, its feed-forward, and the whole of it. */
function Parts({ layers, heads, off, toggle }: PartsProps) {
  const t = words().switchOff;
  const headNumbers = Array.from({ length: heads }, (_, head) => head);
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t.parts}>
      <table class="parts">
        <caption>{t.parts}</caption>
        <thead>
          <tr>
            <th scope="col">{t.layerColumn}</th>
            {headNumbers.map((head) => <th key={head} scope="col">{fill(t.headColumn, { head: head + 1 })}</th>)}
            <th scope="col">{t.feedForwardColumn}</th>
            <th scope="col">{t.wholeColumn}</th>
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: layers }, (_, layer) => {
            const number = layer + 1;
            const ofHeads = headNumbers.map((head) => `${layer}.${head}`);
            const feedForward = `${layer}.ffn`;
            const part = (parts: string[], name: string, text: string) => (
              <td key={text}><Part {...{ parts, name, text, off, toggle }} /></td>
            );
            return (
              <tr key={layer}>
                <th scope="row">{number}</th>
                {ofHeads.map((key, head) =>
                  part([key], fill(t.offHead, { layer: number, head: head + 1 }), `${number}.${head + 1}`),
                )}
                {part([feedForward], fill(t.offFeedForward, { layer: number }), `${number}.${t.feedForwardShort}`)}
                {part([...ofHeads, feedForward], fill(t.offLayer, { layer: number }), `${number}.${t.wholeShort}`)}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Part(props: { parts: string[]; name: string; text: string; off: Off; toggle: (parts: string[]) => void }) {
  const { parts, name, text, off, toggle } = props;
  const count = parts.filter((part) => off.has(part)).length;
  const pressed = count === 0 ? "false" : count === parts.length ? "true" : "mixed";
  return (
    <button class="quiet part" aria-pressed={pressed} aria-label={`${text}: ${name}`} onClick={() => toggle(parts)}>
      {text}
    </button>
  );
}

/** How far the search is, and what it found. */
function Found(found: { search: Search; props: ViewProps; count: number; choose: (off: Off) => void }) {
  const t = words().switchOff;
  const { search, count } = found;
  const token = label(found.props.tokenizer, search.token, 30);
  const { best } = search;
  if (search.state === "running") {
    const text = fill(t.searching, { tried: search.tried, count, token });
    return (
      <p>
        {text} <progress value={search.tried} max={count} aria-label={text} />
      </p>
    );
  }
  if (search.state === "failed") return <p role="status">{fill(t.failed, { why: search.why ?? "" })}</p>;
  if (!best) return <p role="status">{fill(t.noHead, { token })}</p>;
  const shares = { before: percent(search.before), after: percent(best.share) };
  const head = { layer: best.layer + 1, head: best.head + 1 };
  return (
    <div class="row">
      <p role="status">{fill(t.found, { token, count, ...head, ...shares })}</p>
      <button class="quiet" onClick={() => found.choose(new Set([`${best.layer}.${best.head}`]))}>
        {fill(t.switchFound, head)}
      </button>
    </div>
  );
}
