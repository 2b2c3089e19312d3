import { readFile } from "node:fs/promises";

import { createExtended } from "./extended.js";
import init, { connect } from "./sse_npm.js";

export { ConnectionErrorEvent } from "./extended.js";

let loaded;
export const EventSource = createExtended(async () => {
  const wasm = () => readFile(new URL("./sse_npm_bg.wasm", import.meta.url));
  await (loaded ??= init({ module_or_path: wasm() }));
  return connect;
});
