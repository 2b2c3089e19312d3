# Tests the package in workerd, the runtime of Cloudflare Workers. It cannot compile wasm at run time, and itself calls
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
    (name = "sse-npm/connection.js", esModule = embed "node_modules/sse-npm/connection.js"),
    (name = "sse-npm/sse_npm.js", esModule = embed "node_modules/sse-npm/sse_npm.js"),
    (name = "sse-npm/sse_npm_bg.wasm", wasm = embed "node_modules/sse-npm/sse_npm_bg.wasm"),
  ],
);

# Responds with the method, the ID and the body of the request, in events of the types `error`, `open` and `message`.
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
