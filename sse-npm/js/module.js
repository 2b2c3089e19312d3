// Entry point for runtimes that cannot compile wasm at run time, for example Cloudflare Workers.

import { createExtended } from "./extended.js";
import { connect, initSync } from "./sse_npm.js";

export { ConnectionErrorEvent } from "./extended.js";

let isReady = false;

export function init(module) {
  if (!(module instanceof WebAssembly.Module)) {
    throw new TypeError("init: the argument is not a WebAssembly.Module");
  }
  initSync({ module });
  isReady = true;
}

export const EventSource = createExtended(async () => {
  if (!isReady) {
    throw new Error("init was not called with the wasm of the package");
  }
  return connect;
});
