/** A copy of the page for the time without a network (sw.js), and what happens when a newer page has come. */
import type { Store } from "./store";

const QUIET = 3000; // milliseconds after the model is there: a first reply comes first

/** Keeps a copy, once nothing else is to be done. Where nothing can be kept, the page works with a network only. */
export function keepCopy(store: Store): void {
  if (!("serviceWorker" in navigator)) return;
  const copies = navigator.serviceWorker;
  if (copies.controller) copies.addEventListener("controllerchange", () => renew(store)); // the copy was an older one
  const when = () => (store.busy ? setTimeout(when, QUIET) : copies.register("sw.js").catch(() => undefined));
  setTimeout(when, QUIET);
}

/** Old and new files don't fit together. Whoever has said something yet decides when to leave it. */
function renew(store: Store): void {
  if (store.state.exchanges.length > 1 || store.busy) store.set({ newer: true });
  else location.reload();
}
