// The service worker: pages, styles and tiles that were looked at are there again while the server is gone. The network
// always comes first, so that nothing old is shown while it answers; what is of one role only is never kept.
export {};

interface Lifetime extends Event {
  waitUntil(promise: Promise<unknown>): void;
}
interface Fetching extends Lifetime {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface Told extends Lifetime {
  readonly data: readonly string[];
}
interface Worker {
  readonly location: Location;
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Lifetime) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
  addEventListener(type: "message", listener: (event: Told) => void): void;
}

const worker = self as unknown as Worker;
const KEPT = "gridmap-1";
const PATIENCE_MS = 5_000;
const MOST_KEPT = 1_500;
const DESKS = ["", "dispatcher"];

worker.addEventListener("install", (event) => event.waitUntil(worker.skipWaiting()));
worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));
worker.addEventListener("fetch", (event) => {
  if (isKept(event.request)) event.respondWith(answer(event));
});

// A page says what it had loaded before this worker was there.
worker.addEventListener("message", (event) => event.waitUntil(keepAll(event.data)));

async function keepAll(addresses: readonly string[]): Promise<void> {
  const cache = await caches.open(KEPT);
  for (const address of addresses) {
    const request = new Request(address);
    if (!isKept(request) || (await cache.match(request))) continue;
    const response = await fetch(request).catch(() => null);
    if (response?.status === 200) await put(cache, request, response);
  }
}

/** Pages, what they load, styles and tiles; answers about places the page itself keeps, and says how old they are. */
function isKept(request: Request): boolean {
  const scope = new URL(worker.registration.scope), url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return false;
  if (request.headers.has("Authorization")) return false;
  const path = url.pathname.slice(scope.pathname.length);
  return DESKS.includes(path) || /^(web|styles|tiles)\//.test(path);
}

async function answer(event: Fetching): Promise<Response> {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(event.request);
  if (kept && isForever(kept)) return kept;
  const fromServer = fetch(event.request).then((response) => {
    if (response.status === 200) event.waitUntil(put(cache, event.request, response.clone()));
    return response;
  });
  if (!kept) return fromServer;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), PATIENCE_MS));
  return Promise.race([fromServer.catch(() => kept), late]);
}

function isForever(response: Response): boolean {
  return /immutable/.test(response.headers.get("Cache-Control") ?? "");
}

/** Keeps a response that is for everybody; once in a while what was kept first goes. */
async function put(cache: Cache, request: Request, response: Response): Promise<void> {
  if (/private|no-store/.test(response.headers.get("Cache-Control") ?? "")) return;
  await cache.put(request, response);
  const all = await cache.keys();
  if (all.length > MOST_KEPT) await Promise.all(all.slice(0, all.length - MOST_KEPT * 0.8).map((each) => cache.delete(each)));
}
