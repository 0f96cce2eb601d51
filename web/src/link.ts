/** Links that lead to one place: the address's part behind # carries message, seed, settings, token and view. */
import type { Store } from "./store";

/** The address of what is shown. */
export function link(store: Store): string {
  const exchange = store.exchange();
  const written = new URLSearchParams();
  if (exchange) {
    const { temperature, topK, topP, seed } = exchange.settings;
    written.set("say", exchange.message);
    written.set("seed", String(seed));
    written.set("t", String(temperature));
    written.set("k", String(topK));
    written.set("p", String(topP));
    written.set("place", String(store.state.place));
    const { branch, ids, replyStarts, model } = exchange;
    if (branch) written.set("given", ids.slice(replyStarts, branch.at + 1).join("."));
    if (model) written.set("model", model);
  }
  written.set("view", store.state.view);
  const address = new URL(location.href);
  address.hash = written.toString();
  return address.href;
}

/** Shows the view that the address names. */
export function followView(store: Store): void {
  const view = parts().get("view");
  if (view) store.set({ view });
}

const parts = () => new URLSearchParams(location.hash.slice(1));

/** Goes where the address says: asks the same model the same with the same settings, and shows the same token. */
export async function follow(store: Store): Promise<void> {
  const asked = parts();
  const said = asked.get("say");
  const { about } = store.state;
  if (!said || !about) return;
  const model = asked.get("model") ?? undefined;
  const known = model === undefined || model in about.bytes;
  if (known && model !== store.state.earlier) await store.loadModel(model);
  const before = store.state.wishes;
  const number = (name: string, least: number, most: number, otherwise: number): number => {
    const found = Number(asked.get(name) ?? NaN);
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
  const given = (asked.get("given") ?? "").split(".").filter(Boolean).map(Number);
  const valid = given.every((id) => Number.isInteger(id) && id >= 0 && id < about.shape.vocabulary);
  const sent = store.send(said, valid ? given : []);
  store.set({ wishes: before });
  if (sent && asked.has("place")) store.choose(Math.round(number("place", 0, about.shape.context - 1, store.state.place)));
}
