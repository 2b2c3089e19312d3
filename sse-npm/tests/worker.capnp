# The package in workerd, the runtime of Cloudflare's workers, which compiles no wasm while it runs, and itself calls
# the `on…` of any `EventTarget`. `cargo xtask test-npm` runs it.

using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "package", worker = .package),
    (name = "events", worker = .events),
  ],
);

const package :Workerd.Worker = (
  compatibilityDate = "2025-10-01",
  globalOutbound = "events",
  modules = [
    (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "sse-npm/module", esModule = embed "node_modules/sse-npm/module.js"),
    (name = "sse-npm/extended.js", esModule = embed "node_modules/sse-npm/extended.js"),
    (name = "sse-npm/interface.js", esModule = embed "node_modules/sse-npm/interface.js"),
    (name = "sse-npm/link.js", esModule = embed "node_modules/sse-npm/link.js"),
    (name = "sse-npm/sse_npm.js", esModule = embed "node_modules/sse-npm/sse_npm.js"),
    (name = "sse-npm/sse_npm_bg.wasm", wasm = embed "node_modules/sse-npm/sse_npm_bg.wasm"),
  ],
);

# Says which method, ID and body a request had, in an event of type `error`, one of type `open`, and one of none.
const events :Workerd.Worker = (
  compatibilityDate = "2025-10-01",
  modules = [
    (name = "events.mjs", esModule =
      `export default {
      `  async fetch(request) {
      `    const id = request.headers.get("last-event-id");
      `    const data = [request.method, id, await request.text()].join();
      `    const block = (type) => `id: 7\nevent: ${type}\ndata: ${data}\n\n`;
      `    const body = ["error", "open", "message"].map(block).join("");
      `    return new Response(body, { headers: { "content-type": "text/event-stream" } });
      `  },
      `};
    ),
  ],
);
