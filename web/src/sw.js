// Keeps a copy of the page, so that after the first visit it works without a network. `guppylm page` fills in the two lines.
const VERSION = "@version@";
const FILES = "@files@".split(" ");

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "no-cache" })))).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(dropOthers().then(() => self.clients.claim()));
});

// Pages of other characters may lie on the same host: only older versions of this one are dropped.
async function dropOthers() {
  const here = self.registration.scope;
  for (const name of await caches.keys()) {
    if (name !== VERSION && (await (await caches.open(name)).match(new URL("index.html", here)))) await caches.delete(name);
  }
}

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  event.respondWith(kept(event.request, address));
});

async function kept(request, address) {
  const cache = await caches.open(VERSION);
  const found = await cache.match(address.pathname.endsWith("/") ? new URL("index.html", address) : request, { ignoreSearch: true });
  if (found) return found;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}
