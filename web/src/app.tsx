/** The page: the tank and the conversation on one side, the insides on the other. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Chat } from "./chat";
import { Kept } from "./kept";
import { link } from "./link";
import { describe, type Store, TURNS } from "./store";
import { fill, LANGUAGES, type Language, words } from "./strings";
import { Tank } from "./tank";
import { texts } from "./texts";
import { Tour } from "./tour";
import type { About as Character, Exchange, ViewProps } from "./types";
import { AttentionView } from "./views/attention";
import { CodeView } from "./views/code";
import { GrowingView } from "./views/growing";
import { LayersView } from "./views/layers";
import { NextView } from "./views/next";
import { SwitchOffView } from "./views/switchoff";
import { TokensView } from "./views/tokens";
import { WhyView } from "./views/why";

const VIEWS = ["tokens", "next", "attention", "layers", "switchoff", "growing", "why", "code"] as const;
type View = (typeof VIEWS)[number];
const PICTURE = "character/picture.svg";

export function App({ store }: { store: Store }) {
  const [, again] = useState(0);
  useEffect(() => store.subscribe(() => again((count) => count + 1)), [store]);
  const { about, tokenizer, trouble, model } = store.state;
  useEffect(() => dress(about), [about]);
  if (about && tokenizer) return <Page store={store} about={about} />;
  return (
    <main class="page">
      {model === "failed" ? (
        <p class="trouble" role="alert">
          {fill(words().chat.broken, { why: trouble ?? "" })}
        </p>
      ) : (
        <p>{words().page.opening}</p>
      )}
    </main>
  );
}

function Page({ store, about }: { store: Store; about: Character }) {
  const [touring, setTouring] = useState(false);
  const turn = useTurn();
  const last = store.state.exchanges.at(-1);
  const shown = store.exchange();
  return (
    <div class="page">
      <header>
        <h1>{about.name}</h1>
        <p class="note">{about.about}</p>
        <div class="row">
          <button id="tour" onClick={() => setTouring(!touring)} aria-expanded={touring}>
            {words().page.tour}
          </button>
          <Looks store={store} />
        </div>
      </header>
      {store.state.newer && (
        <p class="row" role="status">
          {words().page.newer}
          <button class="quiet" onClick={() => location.reload()}>
            {words().page.reload}
          </button>
        </p>
      )}
      <main>
        <div class="talk">
          <Tank about={about} pictureUrl={about.picture ? PICTURE : undefined} mood={mood(store)} saying={last ? store.replyText(last) : ""} />
          {turn > 1 && <Chat store={store} />}
        </div>
        {turn > 2 && <Inside store={store} />}
      </main>
      {touring && (
        <Tour
          place={shown ? store.firstPlace(shown) : 0}
          goTo={(view, place) => goTo(store, view, place)}
          leave={() => {
            setTouring(false);
            document.getElementById("tour")?.focus();
          }}
        />
      )}
      <About store={store} />
    </div>
  );
}

/** Which parts of the page are there: up to this one. */
function useTurn(): number {
  const [turn, next] = useState(1);
  useEffect(() => {
    if (turn < TURNS) requestAnimationFrame(() => next(turn + 1));
  }, [turn]);
  return turn;
}

function goTo(store: Store, view: string, place?: number): void {
  store.set({ view, ...(place === undefined ? {} : { place }) });
}

function mood(store: Store): "idle" | "waiting" | "thinking" | "speaking" | "failed" {
  const { model, exchanges } = store.state;
  if (model === "loading") return "waiting";
  if (model === "failed") return "failed";
  const last = exchanges.at(-1);
  if (last?.state !== "reading") return "idle";
  return store.firstPlace(last) + 1 < last.ids.length ? "speaking" : "thinking";
}

/** The character's name and colours, on the whole page. */
function dress(about: Character | undefined): void {
  if (!about) return;
  document.title = about.name;
  if (about.picture) document.querySelector("link[rel=icon]")?.setAttribute("href", PICTURE);
  const { style } = document.documentElement;
  if (about.colours.water) style.setProperty("--water-1", about.colours.water);
  if (about.colours.accent) style.setProperty("--heat", about.colours.accent);
}

function Looks({ store }: { store: Store }) {
  const t = words().page;
  const [theme, setTheme] = useState(document.documentElement.dataset.theme ?? "auto");
  function choose(theme: string): void {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    setTheme(theme);
  }
  return (
    <>
      <label>
        <span class="visually-hidden">{t.theme}</span>
        <select value={theme} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="auto">{t.auto}</option>
          <option value="light">{t.light}</option>
          <option value="dark">{t.dark}</option>
        </select>
      </label>
      <label>
        <span class="visually-hidden">{t.language}</span>
        <select value={store.state.language} onChange={(event) => store.setLanguage(event.currentTarget.value as Language)}>
          {Object.entries(LANGUAGES).map(([code, language]) => (
            <option key={code} value={code}>
              {language.common.language}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

/** While a reply is being made, the one before it stays in view. */
function Inside({ store }: { store: Store }) {
  const { state } = store;
  const finished = useRef<{ exchange: Exchange; place: number } | undefined>(undefined);
  const shown = store.exchange();
  if (shown && shown.state !== "reading") {
    finished.current = { exchange: shown, place: Math.max(0, Math.min(state.place, shown.steps.length - 1)) };
  }
  if (!finished.current) return null;
  const { exchange, place } = finished.current;
  const others: Partial<Record<string, unknown[]>> = {
    switchoff: [state.model, state.earlier],
    growing: [state.model, state.earlier, state.growing],
    code: [state.code],
  };
  const of = [exchange, place, state.view, state.language, state.recorded.has(exchange.id), ...(others[state.view] ?? [])];
  return <Kept of={of} draw={() => <Panel store={store} exchange={exchange} place={place} />} />;
}

function Panel({ store, exchange, place }: { store: Store; exchange: Exchange; place: number }) {
  const t = words().page;
  const { view, about, tokenizer } = store.state;
  const shown = (VIEWS as readonly string[]).includes(view) ? (view as View) : "next";
  const props: ViewProps = {
    about: about!,
    exchange,
    place,
    choosePlace: (chosen) => store.show(exchange.id, chosen),
    tokenizer: tokenizer!,
    live: !store.state.recorded.has(exchange.id),
  };
  return (
    <section class="inside panel" aria-label={t.inside}>
      <div class="tabs" role="tablist" aria-label={t.inside}>
        {VIEWS.map((name) => (
          <button
            key={name}
            id={`tab-${name}`}
            role="tab"
            aria-selected={name === shown}
            aria-controls="view"
            tabIndex={name === shown ? 0 : -1}
            onClick={() => store.set({ view: name })}
            onKeyDown={(event) => walkTabs(event, name, store)}
          >
            {t.views[name]}
          </button>
        ))}
      </div>
      <div id="view" role="tabpanel" aria-labelledby={`tab-${shown}`} tabIndex={0}>
        {exchange.steps.length === 0 ? <p class="note">{t.reading}</p> : <ViewOf store={store} name={shown} props={props} />}
      </div>
      <CopyLink store={store} />
    </section>
  );
}

/** Arrow keys go from tab to tab. */
function walkTabs(event: KeyboardEvent, name: View, store: Store): void {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const next = VIEWS[(VIEWS.indexOf(name) + by + VIEWS.length) % VIEWS.length];
  store.set({ view: next });
  document.getElementById(`tab-${next}`)?.focus();
}

function ViewOf({ store, name, props }: { store: Store; name: View; props: ViewProps }) {
  const { growing, earlier, code } = store.state;
  switch (name) {
    case "tokens":
      return <TokensView {...props} />;
    case "next":
      return <NextView {...props} />;
    case "attention":
      return <AttentionView {...props} />;
    case "layers":
      return <LayersView {...props} />;
    case "switchoff":
      if (store.state.model !== "ready") return <p class="note">{words().page.notYet}</p>;
      if (props.exchange.model !== earlier) return <p class="note">{words().switchOff.otherModel}</p>;
      return <SwitchOffView {...props} run={(off, signal, stepOnly) => store.run(props.exchange, off, props.place, signal, stepOnly)} />;
    case "growing":
      return (
        <GrowingView
          {...props}
          growing={growing}
          loadModel={(file) => store.loadModel(file)}
          loaded={earlier}
          loading={store.state.model === "loading"}
        />
      );
    case "why":
      return <WhyView {...props} texts={texts} />;
    case "code":
      return <CodeView {...props} code={code} topic="tokens" />;
  }
}

function CopyLink({ store }: { store: Store }) {
  const t = words().page;
  const [told, tell] = useState("");
  async function copy(): Promise<void> {
    const address = link(store);
    history.replaceState(null, "", address);
    const copied = async () => navigator.clipboard.writeText(address); // there is no clipboard on a page without https
    await copied().then(() => tell(t.copied), () => tell(t.inTheAddress)); // prettier-ignore
  }
  return (
    <p class="row">
      <button class="quiet" onClick={copy}>
        {t.link}
      </button>
      <span role="status" class="note">
        {told}
      </span>
    </p>
  );
}

function About({ store }: { store: Store }) {
  const t = words().page;
  const [told, tell] = useState("");
  const { about, engine } = store.state;
  const { shape } = about!;
  async function compare(): Promise<void> {
    tell(t.comparing);
    await store.compare().then(
      (difference) => tell(fill(t.agree, { difference: difference.toPrecision(2) })),
      (error) => tell(describe(error)),
    );
  }
  return (
    <footer>
      <details>
        <summary>{t.about}</summary>
        <p>{fill(t.shape, { layers: shape.layers, width: shape.width, heads: shape.heads, vocabulary: shape.vocabulary, context: shape.context })}</p>
        <p>{t.privacy}</p>
        <p>{engine === "plain" ? t.plainEngine : t.wasmEngine}</p>
        {engine !== "plain" && (
          <p class="row">
            <button class="quiet" disabled={store.state.model !== "ready"} onClick={compare}>
              {t.compare}
            </button>
            <span role="status" class="note">
              {told}
            </span>
          </p>
        )}
      </details>
    </footer>
  );
}
