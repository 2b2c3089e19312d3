import { createExtended } from "./extended.js";
import init, { connect } from "./sse_npm.js";

export { ConnectionErrorEvent } from "./extended.js";

let loaded;
export const EventSource = createExtended(async () => {
  await (loaded ??= init());
  return connect;
});
