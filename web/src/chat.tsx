/** The conversation: messages, replies token by token, and what can be done to them. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Kept } from "./kept";
import { forbidden } from "./model/chat";
import { shareOf, stages } from "./model/sample";
import { END, type Tokenizer } from "./model/tokenizer";
import { DEFAULTS, MODEL, type Store, type Wishes } from "./store";
import { fill, words } from "./strings";
import type { Exchange } from "./types";
import { label } from "./views/labels";
import { decimal, percent, whole } from "./views/numbers";

const RIVALS = 10;

export function Chat({ store }: { store: Store }) {
  const { exchanges, about, model } = store.state;
  const conversation = useRef<HTMLDivElement>(null);
  const last = exchanges.at(-1);
  useEffect(() => conversation.current?.scrollTo(0, conversation.current.scrollHeight), [last?.id, last?.ids.length]);
  useEffect(() => focusChosenRival(last), [last?.id]);
  const t = words().chat;
  return (
    <section class="panel" aria-label={t.title}>
      <div class="chat scroll" ref={conversation} role="region" tabIndex={0} aria-label={t.conversation}>
        {exchanges.map((exchange) => {
          const place = exchange.id === store.state.shown ? store.state.place : undefined;
          const { rivals, language, earlier, growing } = store.state;
          const of = [exchange, place, rivals, model, store.busy, language, earlier, exchange.model && growing];
          return <Kept key={exchange.id} of={of} draw={() => <Shown store={store} exchange={exchange} />} />;
        })}
      </div>
      <p class="visually-hidden" role="status">
        {last && last.state !== "reading" && `${about?.name}: ${store.replyText(last)}`}
      </p>
      <Loading store={store} />
      <Ask store={store} />
      {about && (
        <div class="starters" aria-label={t.starters} role="group">
          {about.prompts.slice(0, 6).map((prompt) => (
            <button key={prompt} disabled={model !== "ready" || store.busy} onClick={() => store.send(prompt)}>
              {prompt}
            </button>
          ))}
        </div>
      )}
      <Wishing store={store} />
    </section>
  );
}

/** The button that was pressed is gone; who goes on by keyboard goes on from the token that was chosen. */
function focusChosenRival(exchange: Exchange | undefined): void {
  if (exchange?.branch) document.getElementById(tokenId(exchange.id, exchange.branch.at))?.focus();
}

function tokenId(exchange: number, at: number): string {
  return `token-${exchange}-${at}`;
}

function Shown({ store, exchange }: { store: Store; exchange: Exchange }) {
  const t = words().chat;
  const { tokenizer, shown, place, rivals } = store.state;
  const chosen = exchange.id === shown;
  const withRivals = chosen && rivals && place >= exchange.replyStarts - 1 && place + 1 < exchange.ids.length;
  const reply = exchange.ids.slice(exchange.replyStarts);
  const speaking = exchange.state === "reading";
  const thinks = reply.some((id) => tokenizer!.thoughts.has(id));
  const silent = exchange.state === "done" && reply.every((id) => tokenizer!.special.has(id));
  return (
    <div class={chosen ? "exchange chosen" : "exchange"}>
      <p class="said">
        <span class="visually-hidden">{t.you}: </span>
        {exchange.message}
      </p>
      {exchange.leftOut > 0 && <p class="note">{fill(t.leftOut, { count: exchange.leftOut })}</p>}
      {exchange.branch && <p class="note">{t.branch}</p>}
      {exchange.model && <p class="note">{earlierModel(store, exchange.model)}</p>}
      <div class="reply">
        <span class="visually-hidden">{store.state.about!.name}: </span>
        <span class="tokens">
          {reply.map((id, i) => {
            const at = exchange.replyStarts + i;
            return (
              <TokenButton
                key={at}
                tokenizer={tokenizer!}
                exchange={exchange}
                at={at}
                id={id}
                chosen={chosen && place === at - 1}
                choose={() => store.show(exchange.id, at - 1, true)}
              />
            );
          })}
          {speaking && <span class="note">{exchange.steps.length < exchange.replyStarts ? t.reads : "…"}</span>}
          {silent && <span class="note">{t.silence}</span>}
        </span>
      </div>
      {!speaking && chosen && thinks && <p class="note">{t.thoughts}</p>}
      {!speaking && withRivals && <Rivals store={store} exchange={exchange} place={place} />}
      {!speaking && chosen && !withRivals && <p class="note">{t.touch}</p>}
      <div class="row">
        {speaking ? (
          <button class="quiet" onClick={() => store.stop()}>
            {t.stop}
          </button>
        ) : (
          <button class="quiet" disabled={store.busy || store.state.model !== "ready"} onClick={() => store.again(exchange.id)}>
            {t.again}
          </button>
        )}
        {!chosen && (
          <button class="quiet" onClick={() => store.show(exchange.id)}>
            {t.lookInside}
          </button>
        )}
        {exchange.state === "stopped" && <span class="note">{t.stopped}</span>}
        {exchange.state === "failed" && <span class="note">{t.failed}</span>}
        <span class="note">{fill(t.seed, { seed: exchange.settings.seed })}</span>
      </div>
    </div>
  );
}

function earlierModel(store: Store, file: string): string {
  const model = store.state.growing.models.find((one) => one.file === file);
  return model ? fill(words().chat.earlierModel, { step: whole(model.step) }) : "";
}

type TokenProps = { tokenizer: Tokenizer; exchange: Exchange; at: number; id: number; chosen: boolean; choose: () => void };

function TokenButton({ tokenizer, exchange, at, id, chosen, choose }: TokenProps) {
  const before = exchange.steps[at - 1];
  const share = before ? shareOf(before.logits, id) : 1;
  const special = tokenizer.special.has(id);
  const t = words().chat;
  const name = tokenizer.thoughts.get(id);
  const thought = name === undefined ? undefined : fill(t.thought, { name });
  const likely = fill(t.likely, { percent: percent(share) });
  return (
    <button
      id={tokenId(exchange.id, at)}
      class={["token", chosen && "chosen", special && "special"].filter(Boolean).join(" ")}
      style={{ "--share": share.toFixed(3) }}
      aria-pressed={chosen}
      aria-label={thought}
      title={thought ? `${thought}, ${likely}` : likely}
      onClick={choose}
    >
      {nameOf(tokenizer, id)}
    </button>
  );
}

/** The ten tokens that could have stood there. Choosing one leads the reply elsewhere. */
function Rivals({ store, exchange, place }: { store: Store; exchange: Exchange; place: number }) {
  const t = words().chat;
  const tokenizer = store.state.tokenizer!;
  const step = exchange.steps[place];
  if (!step) return null;
  const found = stages(step.logits, { ...exchange.settings, temperature: 1, topK: 0, topP: 1 }, forbidden(tokenizer));
  const said = exchange.ids[place + 1];
  return (
    <ol class="rivals" aria-label={t.rivals}>
      {Array.from(found.ids.slice(0, RIVALS), (id, i) => (
        <li key={id}>
          <button
            class={id === said ? "chosen" : ""}
            disabled={id === said || !store.mayBranch(exchange)}
            title={tokenizer.show(id)}
            onClick={() => store.branch(exchange.id, place + 1, id)}
          >
            <span class={tokenizer.thoughts.has(id) ? "thought" : ""}>{nameOf(tokenizer, id)}</span>
            <meter min={0} max={1} value={found.plain[i]} aria-label={t.share} />
            <span>{percent(found.plain[i])}</span>
          </button>
        </li>
      ))}
      <li class="note">{exchange.model === store.state.earlier ? t.chooseRival : words().switchOff.otherModel}</li>
    </ol>
  );
}

function nameOf(tokenizer: Tokenizer, id: number): string {
  if (id === tokenizer.id(END)) return words().chat.ends;
  return tokenizer.thoughts.has(id) ? label(tokenizer, id, Infinity) : tokenizer.show(id);
}

function Loading({ store }: { store: Store }) {
  const t = words().chat;
  const { model, loaded, about, trouble, earlier } = store.state;
  const bytes = about?.bytes[earlier ?? MODEL] ?? 0;
  return (
    <>
      {model === "loading" && bytes > 0 && (
        <p class="progress">
          <label>
            {fill(t.loading, { loaded: megabytes(loaded), all: megabytes(bytes) })}
            <progress max={bytes} value={loaded} />
          </label>
        </p>
      )}
      {model === "failed" && (
        <p class="trouble" role="alert">
          {fill(t.broken, { why: trouble ?? "" })}{" "}
          <button onClick={() => (about ? store.loadModel(undefined) : location.reload())}>{t.tryAgain}</button>
        </p>
      )}
      {model === "ready" && trouble && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      {earlier && <p class="note">{t.earlier}</p>}
    </>
  );
}

function megabytes(bytes: number): string {
  return decimal(bytes / 1e6, 1);
}

function Ask({ store }: { store: Store }) {
  const t = words().chat;
  const [text, setText] = useState("");
  const ready = store.state.model === "ready";

  function send(event: Event): void {
    event.preventDefault();
    if (!text.trim() || store.busy || !ready) return;
    store.send(text);
    setText("");
  }

  return (
    <form class="ask" onSubmit={send}>
      <label class="visually-hidden" for="message">
        {t.message}
      </label>
      <input
        id="message"
        type="text"
        autocomplete="off"
        enterkeyhint="send"
        placeholder={fill(t.placeholder, { name: store.state.about?.name ?? "" })}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {store.busy ? (
        <button type="button" onClick={() => store.stop()}>
          {t.stop}
        </button>
      ) : (
        <button type="submit" disabled={!ready}>
          {t.send}
        </button>
      )}
    </form>
  );
}

function Wishing({ store }: { store: Store }) {
  const t = words().chat;
  const { wishes } = store.state;
  const set = (change: Partial<Wishes>) => store.set({ wishes: { ...wishes, ...change } });
  const topK = wishes.topK === 0 ? t.noLimit : String(wishes.topK);
  return (
    <details class="settings">
      <summary>{t.settings}</summary>
      <Slider label={t.temperature} shown={decimal(wishes.temperature, 2)} min={0} max={2} step={0.05} value={wishes.temperature} set={(temperature) => set({ temperature })} />
      <Slider label={t.topK} shown={topK} min={0} max={100} step={1} value={wishes.topK} set={(topK) => set({ topK })} />
      <Slider label={t.topP} shown={decimal(wishes.topP, 2)} min={0.05} max={1} step={0.05} value={wishes.topP} set={(topP) => set({ topP })} />
      <label>
        {t.seedWish}
        <input
          type="number"
          min={0}
          value={wishes.seed ?? ""}
          placeholder={t.anySeed}
          onInput={(event) => {
            const value = Math.floor(event.currentTarget.valueAsNumber);
            set({ seed: value >= 0 && value <= 2 ** 40 ? value : undefined });
          }}
        />
      </label>
      <button class="quiet" onClick={() => set({ ...DEFAULTS, seed: undefined })}>
        {t.reset}
      </button>
    </details>
  );
}

type SliderProps = { label: string; shown: string; min: number; max: number; step: number; value: number; set: (value: number) => void };

function Slider({ label, shown, set, ...range }: SliderProps) {
  return (
    <label>
      {label}: <output>{shown}</output>
      <input type="range" {...range} onInput={(event) => set(event.currentTarget.valueAsNumber)} />
    </label>
  );
}
