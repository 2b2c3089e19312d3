import { extended } from "./extended.js";
import init, { connect } from "./sse_wasm.js";

export { ConnectionErrorEvent } from "./extended.js";

let loaded;
export const EventSource = extended(async () => {
  await (loaded ??= init());
  return connect;
});
