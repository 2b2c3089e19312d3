// Checks of the package's types. `cargo xtask test-npm` compiles this file, and does not run it.

import { ConnectionErrorEvent, EventSource } from "sse-npm";
import { EventSource as Precompiled, init } from "sse-npm/module";
import { EventSource as Standard } from "sse-npm/standard";

const source = new EventSource(new URL("https://example.org/events"), {
  withCredentials: true,
  method: "POST",
  headers: async () => new Headers({ authorization: "Bearer" }),
  body: () => JSON.stringify({ stream: true }),
  resend: false,
  signal: AbortSignal.timeout(1000),
  retry: { reconnectionTime: 1000, minDelay: 100, maxDelay: 10_000, serverErrors: false },
  idleTimeout: 30_000,
  pauseWhenHidden: true,
  reconnectOnWake: false,
  fetch: (url, init) => fetch(url, init),
});

source.onmessage = function (event) {
  const self: EventSource = this;
  const data: string = event.data;
  console.log(self.url, data, event.lastEventId);
};
source.onerror = ({ reason, status, headers, delay }) => {
  const again: boolean = delay !== undefined;
  console.log(reason === "status" ? status : reason, headers?.get("retry-after"), again);
};
source.onerror = (event: ConnectionErrorEvent) => console.log(event.message);
source.addEventListener("error", (event) => {
  const text: string = event instanceof ConnectionErrorEvent ? event.message : event.data;
  console.log(text, event instanceof MessageEvent ? event.lastEventId : event.reason);
});
source.addEventListener("update", (event) => console.log(event.data.length), { once: true });
source.addEventListener("open", { handleEvent: (event: Event) => console.log(event.type) });

for await (const event of source) {
  console.log(event.type, event.data.length);
}

const id: string = source.lastEventId;
init(new WebAssembly.Module(new Uint8Array()));
const precompiled: EventSource = new Precompiled("/events", { lastEventId: id });
precompiled.close();

// It can be used instead of the browser's own class.
const state: 0 | 1 | 2 = source.readyState;
const standard: globalThis.EventSource = new Standard("/events", { withCredentials: true });
console.log(state === EventSource.CLOSED, standard.readyState);

// @ts-expect-error: no such option
new EventSource("/events", { header: {} });
// @ts-expect-error: the event can be an event of the stream
source.addEventListener("error", (event: ConnectionErrorEvent) => console.log(event.message));
// @ts-expect-error: only a source creates these events
new ConnectionErrorEvent("error");
// @ts-expect-error: read-only
source.lastEventId = "";
// @ts-expect-error: read-only
source.url = "";
// @ts-expect-error: a flag is a boolean
new EventSource("/events", { method: "POST", resend: "always" });
// @ts-expect-error: a time is a number
new EventSource("/events", { idleTimeout: "30s" });

export {};
