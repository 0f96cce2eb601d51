/** The numbers of this exchange that belong to a step of the code. */
import type { ComponentChildren } from "preact";
import { forbidden } from "../model/chat";
import { shareOf, stages } from "../model/sample";
import { fill, words } from "../strings";
import type { Shape, Step, ViewProps } from "../types";
import type { Topic } from "./code";
import { whyNoNumber } from "./draws";
import { label, percent } from "./labels";
import { decimal, whole } from "./numbers";

type Props = ViewProps & { topic: Topic };
type Read = ViewProps & { step: Step };

const FIRST_TOKENS = 8;

export function Numbers(props: Props) {
  const t = words().code;
  const step = props.exchange.steps[props.place];
  switch (props.topic) {
    case "tokens":
      return <FirstTokens {...props} />;
    case "chat":
      return <Prompt {...props} />;
    case "update":
      return <p>{fill(t.weights, { count: whole(weights(props.about.shape)) })}</p>;
  }
  if (!step) return <p class="note">{t.notYet}</p>;
  const read = { ...props, step };
  switch (props.topic) {
    case "embedding":
      return <Rows {...read} />;
    case "attention":
      return <RowSums {...read} />;
    case "feed-forward":
      return <LastThought {...read} />;
    case "block":
      return <AfterEachBlock {...read} />;
    case "head":
      return <Highest {...read} />;
    case "sampling":
      return <Sampling {...read} />;
    case "loss":
      return <Surprise {...read} />;
  }
}

function Table({ heads, rows }: { heads: string[]; rows: ComponentChildren[][] }) {
  return (
    <table class="code-table">
      <thead>
        <tr>
          {heads.map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([first, ...others], i) => (
          <tr key={i}>
            <th scope="row">{first}</th>
            {others.map((cell, k) => (
              <td key={k}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function FirstTokens({ exchange, tokenizer }: ViewProps) {
  const t = words().code;
  const rows = exchange.ids.slice(0, FIRST_TOKENS).map((id) => [label(tokenizer, id, 20), id]);
  return <Table heads={[t.token, t.id]} rows={rows} />;
}

function Prompt({ exchange, tokenizer }: ViewProps) {
  const { replyStarts, leftOut, ids } = exchange;
  const prompt = ids.slice(0, replyStarts).map((id) => tokenizer.show(id));
  return (
    <>
      <p>{fill(words().code.chatCount, { count: replyStarts, start: replyStarts + 1, left: leftOut })}</p>
      <p class="code-prompt">
        <code>{prompt.join("")}</code>
      </p>
    </>
  );
}

function Rows({ about, exchange, place }: ViewProps) {
  const { vocabulary, context, width } = about.shape;
  const gaps = { id: exchange.ids[place], vocabulary: whole(vocabulary), place, context, width };
  return <p>{fill(words().code.rows, gaps)}</p>;
}

/** What every head's row sums to, and where its largest share goes. */
function RowSums({ about, exchange, tokenizer, step }: Read) {
  const t = words().code;
  const { layers, heads } = about.shape;
  const places = step.look.attention.length / (layers * heads);
  const layer = layers - 1;
  return (
    <ul>
      {Array.from({ length: heads }, (_, head) => {
        const start = (layer * heads + head) * places;
        const row = step.look.attention.subarray(start, start + places);
        const most = row.reduce((best, weight, at) => (weight > row[best] ? at : best), 0);
        const gaps = {
          layer: layer + 1,
          head: head + 1,
          count: places,
          sum: decimal(row.reduce((sum, weight) => sum + weight, 0), 3),
          most: percent(row[most]),
          token: label(tokenizer, exchange.ids[most], 20),
          at: most + 1,
        };
        return <li key={head}>{fill(t.rowSum, gaps)}</li>;
      })}
    </ul>
  );
}

function LastThought({ about, tokenizer, step }: Read) {
  const t = words().code;
  const { layers, width, feedForward } = about.shape;
  const [before, after] = step.look.lens.slice(-2).map((guesses) => guesses[0]);
  const gaps = {
    before: label(tokenizer, before.id, 20),
    beforeShare: percent(before.share),
    after: label(tokenizer, after.id, 20),
    afterShare: percent(after.share),
  };
  return (
    <>
      <p>{fill(t.wide, { layers, width, feedForward })}</p>
      <p>{fill(t.lastThought, gaps)}</p>
    </>
  );
}

function AfterEachBlock({ tokenizer, step }: Read) {
  const t = words().code;
  const afterBlocks = step.look.lens.filter((_, depth) => depth > 0 && depth % 2 === 0);
  const rows = afterBlocks.map(([likeliest], block) => [
    block + 1,
    label(tokenizer, likeliest.id, 20),
    percent(likeliest.share),
  ]);
  return <Table heads={[t.layer, t.likeliest, t.share]} rows={rows} />;
}

function Highest({ tokenizer, step }: Read) {
  const t = words().code;
  const { logits } = step;
  const best = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, 3);
  const rows = best.map((id) => [label(tokenizer, id, 20), decimal(logits[id], 2), percent(shareOf(logits, id))]);
  return <Table heads={[t.token, t.score, t.share]} rows={rows} />;
}

function Sampling({ exchange, place, tokenizer, step }: Read) {
  const t = words().code;
  const { settings, ids, draws } = exchange;
  const road = stages(step.logits, settings, forbidden(tokenizer));
  const { ids: ordered, tempered, final, afterTopK, afterTopP } = road;
  const rows = [0, 1, 2].map((i) => [
    label(tokenizer, ordered[i], 20),
    percent(tempered[i]),
    percent(i < afterTopP ? final[i] : 0),
  ]);
  const next = ids[place + 1];
  const drawn = draws[place + 1];
  const kept = {
    temperature: decimal(settings.temperature, 2),
    all: whole(ordered.length),
    topK: whole(afterTopK),
    topP: whole(afterTopP),
  };
  return (
    <>
      <p>{fill(t.kept, kept)}</p>
      <Table heads={[t.token, t.tempered, t.final]} rows={rows} />
      {next !== undefined && (
        <p>
          {whyNoNumber(exchange, place, road) ??
            fill(t.drawn, { draw: decimal(drawn ?? 0, 4), token: label(tokenizer, next, 20) })}
        </p>
      )}
    </>
  );
}

function Surprise({ exchange, place, tokenizer, step }: Read) {
  const t = words().code;
  const next = exchange.ids[place + 1];
  if (next === undefined) return <p class="note">{t.notYet}</p>;
  const share = shareOf(step.logits, next);
  const mean = meanSurprise(exchange);
  const gaps = {
    token: label(tokenizer, next, 20),
    share: percent(share),
    nats: decimal(-Math.log(share), 2),
  };
  return (
    <>
      <p>{share > 0 ? fill(t.surprise, gaps) : t.beyond}</p>
      {Number.isFinite(mean) && <p>{fill(t.mean, { nats: decimal(mean, 2) })}</p>}
    </>
  );
}

/** Over the reply's tokens; no number if there are none, infinite if one of them has no known share. */
function meanSurprise({ ids, replyStarts, steps }: ViewProps["exchange"]): number {
  const reply = ids.slice(replyStarts).filter((_, i) => steps[replyStarts + i - 1]);
  const surprises = reply.map((id, i) => -Math.log(shareOf(steps[replyStarts + i - 1].logits, id)));
  return surprises.reduce((sum, one) => sum + one, 0) / surprises.length;
}

/** The model's numbers: weights, biases and norms, with the head sharing the token embedding. */
function weights({ vocabulary, context, layers, width, feedForward }: Shape): number {
  const norm = 2 * width;
  const attention = (3 * width + width) * (width + 1);
  const feed = feedForward * (width + 1) + width * (feedForward + 1);
  return (vocabulary + context) * width + layers * (2 * norm + attention + feed) + norm;
}
