/** Where the page begins. */
import { render } from "preact";
import { App } from "./app";
import { follow, followView } from "./link";
import { keepCopy } from "./newer";
import { Store } from "./store";

const store = new Store();
followView(store);
render(<App store={store} />, document.getElementById("app")!);
void store.start().then(() => follow(store)).then(() => keepCopy(store)); // prettier-ignore
addEventListener("hashchange", () => {
  followView(store);
  void follow(store);
});
