/** The view of the next word: the road from the model's scores to one drawn token. */
import { useMemo, useState } from "preact/hooks";
import { Figure } from "../figure";
import { cumulativeBar } from "../model/chance";
import { firstWord, forbidden } from "../model/chat";
import { shareOf, stages } from "../model/sample";
import type { Stages } from "../model/sample";
import type { Tokenizer } from "../model/tokenizer";
import { fill, words } from "../strings";
import type { Exchange, Settings, ViewProps } from "../types";
import { HundredDraws, TheDraw } from "./draws";
import { label, unabridged } from "./labels";
import { decimal, percent } from "./numbers";
import { PairedBars } from "./pairedBars";
import { Sliders } from "./sliders";

export { percent } from "./numbers";

const SHOWN = 10;
const CONTEXT_SHOWN = 12;

export function NextView(props: ViewProps) {
  const t = words().next;
  const { exchange, place, live } = props;
  const step = exchange.steps[place];
  return (
    <section class="next-view">
      <h2>{t.title}</h2>
      <p>{t.intro}</p>
      {!live && <p class="note">{t.recording}</p>}
      <Where {...props} />
      {step ? <Road key={exchange.id} {...props} logits={step.logits} /> : <p class="note">{t.notRead}</p>}
    </section>
  );
}

/** Which place is looked at, and the way to its neighbours. */
function Where({ exchange, place, choosePlace, tokenizer }: ViewProps) {
  const t = words().next;
  const { ids, replyStarts, steps } = exchange;
  const starts = beginnings(exchange, tokenizer);
  const show = (id: number) => label(tokenizer, id, 30);
  const before = ids.slice(Math.max(0, place + 1 - CONTEXT_SHOWN), place + 1).map(show).join("");
  const next = ids[place + 1];
  return (
    <>
      <p aria-live="polite">
        {next === undefined ? fill(t.after, { before }) : fill(t.afterCame, { before, token: show(next) })}{" "}
        {place + 1 < replyStarts && t.inPrompt}
      </p>
      <div class="row">
        <button class="quiet" disabled={place <= 0} onClick={() => choosePlace(place - 1)}>
          {t.earlier}
        </button>
        <button class="quiet" disabled={place + 1 >= steps.length} onClick={() => choosePlace(place + 1)}>
          {t.later}
        </button>
        {starts.map(({ name, at }) => (
          <button key={name} class="quiet" disabled={place === at} onClick={() => choosePlace(at)}>
            {name}
          </button>
        ))}
      </div>
    </>
  );
}

/** The places from which the reply begins, and its words if thoughts stand before them. */
function beginnings(exchange: Exchange, tokenizer: Tokenizer): { name: string; at: number }[] {
  const t = words();
  const { ids, replyStarts } = exchange;
  const start = replyStarts - 1;
  if (!tokenizer.thoughts.has(ids[replyStarts])) return [{ name: t.next.firstOfReply, at: start }];
  const word = firstWord(tokenizer, exchange);
  const thought = { name: t.places.firstThought, at: start };
  return word === ids.length ? [thought] : [thought, { name: t.places.firstWord, at: word - 1 }];
}

function Road(props: ViewProps & { logits: Float32Array }) {
  const t = words().next;
  const { exchange, place, tokenizer, logits } = props;
  const [settings, setSettings] = useState(exchange.settings);
  const road = useMemo(() => stages(logits, settings, forbidden(tokenizer)), [logits, settings, tokenizer]);
  const bar = useMemo(() => cumulativeBar(road), [road]);
  const scores = road.ids.filter((id) => Number.isFinite(logits[id]));

  return (
    <>
      <div class="grid">
        <ol class="road">
          <li>
            <h3>{t.scores}</h3>
            <p>
              {fill(t.scoresText, {
                count: scores.length,
                highest: decimal(logits[scores[0]], 1),
                lowest: decimal(logits[scores[scores.length - 1]], 1),
              })}
            </p>
          </li>
          <Sliders settings={settings} change={setSettings} road={road} asInReply={exchange.settings} />
        </ol>
        <Likeliest road={road} settings={settings} logits={logits} tokenizer={tokenizer} />
      </div>
      <h3>{t.draw}</h3>
      <TheDraw {...props} road={road} bar={bar} />
      <h3>{t.hundred}</h3>
      <HundredDraws road={road} bar={bar} tokenizer={tokenizer} />
      <h3>{t.surprise}</h3>
      <Surprise logits={logits} id={exchange.ids[place + 1]} tokenizer={tokenizer} />
    </>
  );
}

type LikeliestProps = { road: Stages; settings: Settings; logits: Float32Array; tokenizer: Tokenizer };

function Likeliest({ road, settings, logits, tokenizer }: LikeliestProps) {
  const t = words().next;
  const rows = [...road.ids.subarray(0, SHOWN)].map((id, i) => ({
    label: label(tokenizer, id),
    whole: unabridged(tokenizer, id),
    aside: `logit ${decimal(logits[id], 2)}`,
    status: ruledOut(road, settings, i) ?? fill(t.inDraw, { share: percent(road.final[i]) }),
    struck: i >= road.afterTopP,
    light: { share: road.plain[i], text: percent(road.plain[i]) },
    full: { share: road.tempered[i], text: percent(road.tempered[i]) },
  }));
  const tokens = rows.map((row) => `${row.label} ${row.full.text}`).join(", ");
  const row = (id: number, i: number) => ({
    id,
    text: tokenizer.show(id),
    logit: logits[id],
    atTemperature1: road.plain[i],
    afterTemperature: road.tempered[i],
    inDraw: road.final[i] ?? 0,
  });
  const data = () => ({ settings, tokens: [...road.ids.subarray(0, SHOWN)].map(row) });
  return (
    <Figure name="next" data={data}>
      <PairedBars rows={rows} label={fill(t.barsLabel, { tokens })} />
      <p class="note">{t.barsLegend}</p>
    </Figure>
  );
}

/** Why candidate i may not be drawn, if it may not. */
function ruledOut(road: Stages, settings: Settings, i: number): string | undefined {
  const t = words().next;
  if (i < road.afterTopP) return undefined;
  if (settings.temperature === 0) return t.notLikeliest;
  return i >= road.afterTopK ? t.outByTopK : t.outByTopP;
}

function Surprise({ logits, id, tokenizer }: { logits: Float32Array; id: number | undefined; tokenizer: Tokenizer }) {
  const t = words().next;
  if (id === undefined) return <p>{t.noNext}</p>;
  const share = shareOf(logits, id);
  const token = label(tokenizer, id, 30);
  const bits = Math.max(0, -Math.log2(share));
  const text = share > 0 ? t.surpriseText : t.notRecorded;
  return (
    <p>
      {fill(text, { token, share: percent(share), bits: decimal(bits, 2) })} {t.training}
    </p>
  );
}
