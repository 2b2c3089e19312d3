// The worker of `worker.capnp`.

import { EventSource, init } from "sse-npm/module";
import wasm from "sse-npm/sse_npm_bg.wasm";

init(wasm);

export default {
  async test() {
    // The second source uses the same module.
    for (const lastEventId of ["1", "2"]) {
      const init = { method: "POST", body: "text", headers: { x: "y" }, lastEventId };
      const source = new EventSource("http://events.invalid/", init);
      const calls = [];
      source.onopen = ({ data }) => void calls.push(`onopen ${data}`);
      source.onmessage = ({ data }) => void calls.push(`onmessage ${data}`);
      source.onerror = ({ reason, data }) => void calls.push(`onerror ${reason} ${data}`);
      const events = [];
      for await (const { type, data } of source) {
        events.push(`${type} ${data}`);
      }
      const data = `POST,${lastEventId},text`;
      equal(calls, ["onopen undefined", `onmessage ${data}`, "onerror end undefined"]);
      equal(events, [`error ${data}`, `open ${data}`, `message ${data}`]);
      equal(source.lastEventId, "7");
    }
  },
};

function equal(...values) {
  const [actual, expected] = values.map((value) => JSON.stringify(value));
  if (actual !== expected) {
    throw new Error(`${actual} is not ${expected}`);
  }
}
