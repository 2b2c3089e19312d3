// EventSource with headers, POST, and the details of a refusal.

import { eventSource, optionsOf } from "./interface.js";
import { Link } from "./link.js";

/** Names of the options: `EventSourceInit` and `RetryInit` in `index.d.ts`. */
const OPTIONS = [
  "withCredentials",
  "method",
  "headers",
  "body",
  "resend",
  "signal",
  "lastEventId",
  "retry",
  "headTimeout",
  "idleTimeout",
  "maxEventSize",
  "pauseWhenHidden",
  "reconnectOnWake",
  "fetch",
];
const RETRY_OPTIONS = ["time", "floor", "ceiling", "backoffLimit", "statuses"];

/** A lost or refused connection. `delay` is the time until the next attempt, or `undefined` if there is none. */
export class ConnectionErrorEvent extends Event {
  constructor({ reason, status, delay, headers, body, fault }) {
    super("error");
    this.reason = reason;
    this.status = status || undefined;
    this.message = fault ?? (status ? `${reason} ${status}` : reason).replace("-", " ");
    this.delay = delay;
    this.headers = headers && new Headers(headers);
    this.body = body;
  }
}

/** Creates the class. `load` returns a promise of `connect`, which resolves when the wasm is loaded. */
export function extended(load) {
  const connect = (url, options, listener) => {
    const { link } = options;
    link.follow(listener, load, (connect, heard) => connect(url, settingsOf(options), heard));
    return link;
  };

  const failure = (why) => new ConnectionErrorEvent(why);
  return class EventSource extends eventSource(connect, failure, true) {
    #link;

    constructor(url, init = {}) {
      const options = optionsOf(init, OPTIONS);
      const { method = "GET", body, signal } = options;
      if (body !== undefined && /^(GET|HEAD)$/i.test(method)) {
        throw new TypeError(`EventSource: a ${method} request cannot have a body`);
      }
      const link = new Link(options.lastEventId);
      const isObject = init === null || ["object", "function"].includes(typeof init);
      super(url, isObject ? { __proto__: null, ...options, link } : init);
      this.#link = link;
      const close = () => this.close();
      signal?.addEventListener("abort", close);
      link.onclose = () => signal?.removeEventListener("abort", close);
      if (signal?.aborted) {
        close();
      }
    }

    get lastEventId() {
      return this.#link.lastEventId;
    }

    reconnect() {
      this.#link.reconnect();
    }

    async *[Symbol.asyncIterator]() {
      const channel = this.#link.channel();
      try {
        for (let event; (event = await channel.take()); ) {
          if (event instanceof ConnectionErrorEvent) {
            if (event.reason === "end") {
              return;
            }
            throw new Error(event.message, { cause: event });
          }
          yield event;
        }
      } finally {
        this.close();
      }
    }
  };
}

/** Returns the options in the form that `src/options.rs` reads. */
function settingsOf({ headers, body, retry, maxEventSize, ...options }) {
  const {
    time,
    floor = 500,
    ceiling = 5 * 60 * 1000,
    backoffLimit,
    statuses = true,
  } = optionsOf(retry, RETRY_OPTIONS);
  const prepare = async () => ({
    headers: [...new Headers(await given(headers))],
    body: await given(body),
  });
  return {
    __proto__: null,
    ...options,
    prepare: headers === undefined && body === undefined ? undefined : prepare,
    retryTime: time,
    floor,
    ceiling,
    backoffLimit,
    retryStatuses: statuses,
    limit: maxEventSize,
  };
}

/** Returns the value, or calls it if it is a function. It is called for each attempt. */
function given(value) {
  return typeof value === "function" ? value() : value;
}
