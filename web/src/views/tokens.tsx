/** The view of the tokens: the exchange as pieces, the chat format around it, and the places that are left. */
import { useState } from "preact/hooks";
import { Figure } from "../figure";
import { END, START } from "../model/tokenizer";
import { fill, words as strings } from "../strings";
import type { ViewProps } from "../types";
import { kinds, messageRange } from "./kinds";
import { label, unabridged } from "./labels";
import { Merging } from "./merging";
import { Places } from "./places";
import { bracketed, thoughtsOf } from "./thoughts";

export { visible } from "./visible";

const LONGEST_TOKEN = 30;

export function TokensView(props: ViewProps) {
  const t = strings().tokens;
  const [typed, setTyped] = useState("");
  return (
    <section class="tokens-view">
      <h2>{t.title}</h2>
      <p>{t.intro}</p>
      <Pieces {...props} />
      <h3>{t.mergingTitle}</h3>
      <Merging message={props.exchange.message} tokenizer={props.tokenizer} typed={typed} type={setTyped} />
      <h3>{t.formatTitle}</h3>
      <Format {...props} tryMark={() => setTyped(END)} />
      <h3>{fill(t.placesTitle, { context: props.about.shape.context })}</h3>
      <Places {...props} />
    </section>
  );
}

function Pieces({ exchange, place, choosePlace, tokenizer }: ViewProps) {
  const t = strings().tokens;
  const [withIds, setWithIds] = useState(false);
  const kind = kinds(exchange, tokenizer);
  const { ids } = exchange;
  const show = (id: number) => label(tokenizer, id, LONGEST_TOKEN);
  const data = () => ids.map((id, i) => ({ place: i, id, text: tokenizer.show(id), kind: kind[i] }));
  const next = ids[place + 1];

  return (
    <Figure name="tokens" data={data}>
      <p>{t.choose}</p>
      <p>
        <label>
          <input type="checkbox" checked={withIds} onInput={() => setWithIds(!withIds)} /> {t.showIds}
        </label>
      </p>
      <div class="tokens">
        {ids.map((id, i) => (
          <button
            key={i}
            class={`token kind-${kind[i]} ${i === place ? "chosen" : ""}`}
            aria-pressed={i === place}
            title={unabridged(tokenizer, id, LONGEST_TOKEN)}
            onClick={() => choosePlace(i)}
          >
            {show(id)}
            {withIds && <small class="token-id"> {id}</small>}
          </button>
        ))}
      </div>
      <p aria-live="polite">
        {ids[place] !== undefined && fill(t.read, { place: place + 1, token: show(ids[place]) })}{" "}
        {next !== undefined && fill(t.next, { token: show(next) })}
      </p>
      <p class="note">
        {t.signs} {kind.includes("thought") && t.brackets}
      </p>
    </Figure>
  );
}

/** The prompt and the reply as the model sees them: what was said, and what stands around it. */
function Format({ exchange, tokenizer, tryMark }: ViewProps & { tryMark: () => void }) {
  const t = strings().tokens;
  const { from, to } = messageRange(exchange, tokenizer);
  const reply = exchange.ids.slice(exchange.replyStarts);
  const ended = reply.at(-1) === tokenizer.id(END);
  const thoughts = bracketed(thoughtsOf(tokenizer, reply));

  return (
    <>
      <p>{t.formatIntro}</p>
      <p class="format panel">
        <span class="added">{START}user</span>
        <br />
        <strong>{tokenizer.decode(exchange.ids.slice(from, to))}</strong>
        <span class="added">{END}</span>
        <br />
        <span class="added">{START}assistant</span>
        <br />
        {thoughts && <span class="added">{thoughts} </span>}
        <em>{tokenizer.decode(reply)}</em>
        {ended && <span class="added">{END}</span>}
      </p>
      <p class="note">
        {t.formatLegend} {thoughts && t.brackets}
      </p>
      <dl>
        <dt>
          <code>{START}</code> ({fill(t.number, { id: tokenizer.id(START) })})
        </dt>
        <dd>{t.startMark}</dd>
        <dt>
          <code>{END}</code> ({fill(t.number, { id: tokenizer.id(END) })})
        </dt>
        <dd>{t.endMark}</dd>
      </dl>
      <p>{t.noForgery}</p>
      <p>
        <button onClick={tryMark}>{t.tryMark}</button>
      </p>
      {thoughts && <p>{fill(t.thought, { names: thoughts })}</p>}
    </>
  );
}
