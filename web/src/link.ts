/** Links that lead to one place: the address's part behind # carries message, seed, settings, token and view. */
import type { Store } from "./store";

/** The address of what is shown. */
export function link(store: Store): string {
  const exchange = store.exchange();
  const parts = new URLSearchParams();
  if (exchange) {
    const { temperature, topK, topP, seed } = exchange.settings;
    parts.set("say", exchange.message);
    parts.set("seed", String(seed));
    parts.set("t", String(temperature));
    parts.set("k", String(topK));
    parts.set("p", String(topP));
    parts.set("place", String(store.state.place));
  }
  parts.set("view", store.state.view);
  const address = new URL(location.href);
  address.hash = parts.toString();
  return address.href;
}

/** Goes where the address says: asks the same with the same settings, and shows the same token in the same view. */
export function follow(store: Store): void {
  const parts = new URLSearchParams(location.hash.slice(1));
  const view = parts.get("view");
  if (view) store.set({ view });
  const said = parts.get("say");
  if (!said) return;
  const before = store.state.wishes;
  const number = (name: string, least: number, most: number, otherwise: number): number => {
    const found = Number(parts.get(name) ?? NaN);
    return found >= least && found <= most ? found : otherwise;
  };
  store.set({
    wishes: {
      temperature: number("t", 0, 2, before.temperature),
      topK: Math.round(number("k", 0, 1_000_000, before.topK)),
      topP: number("p", 0.01, 1, before.topP),
      seed: Math.round(number("seed", 0, 2 ** 40, 0)),
    },
  });
  store.send(said);
  store.set({ wishes: before, place: Math.round(number("place", 0, 127, store.state.place)) });
}
