/** Where the page begins. */
import { render } from "preact";
import { App } from "./app";
import { follow } from "./link";
import { Store } from "./store";

const store = new Store();
render(<App store={store} />, document.getElementById("app")!);
void store.start().then(() => follow(store));
if ("serviceWorker" in navigator) navigator.serviceWorker.register("sw.js").catch(() => undefined); // no storage: then only online
