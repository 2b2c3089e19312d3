// EventSource with headers, POST, and all that a server says when it refuses.

import { eventSource, optionsOf } from "./interface.js";
import { Link } from "./link.js";

/** All that can be asked for: `EventSourceInit` and `RetryInit` in `index.d.ts`. */
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

/** Why there is no connection. `delay` is the time to the next attempt; without it there is none. */
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

/** Makes the constructor. `load` gives a promise of `connect`, as soon as its wasm is there. */
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
        throw new TypeError(`EventSource: ${method} has no body.`);
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

/** What `src/options.rs` reads. */
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

/** For each attempt anew, if it is a function. */
function given(value) {
  return typeof value === "function" ? value() : value;
}
