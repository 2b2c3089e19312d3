// EventSource with headers, POST, and errors that give the reason.

import { ConnectionState } from "./connection.js";
import { createEventSource, pickOptions } from "./interface.js";

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
  "maxEventBytes",
  "pauseWhenHidden",
  "reconnectOnWake",
  "fetch",
];
const RETRY_OPTIONS = ["reconnectionTime", "minDelay", "maxDelay", "maxBackoff", "serverErrors"];

/** A lost or refused connection. `delay` is the time until the next attempt, or `undefined` if there is none. */
export class ConnectionErrorEvent extends Event {
  constructor({ reason, status, delay, headers, body, exception }) {
    super("error");
    this.reason = reason;
    this.status = status || undefined;
    this.message = exception ?? (status ? `${reason} ${status}` : reason).replace("-", " ");
    this.delay = delay;
    this.headers = headers && new Headers(headers);
    this.body = body;
  }
}

/** Creates the class. `load` returns a promise of the function `connect` of the wasm. */
export function createExtended(load) {
  const connect = (url, options, listener) => {
    const { state } = options;
    state.connect(listener, load, (connect, wrapped) => connect(url, wasmOptions(options), wrapped));
    return state;
  };

  const createError = (details) => new ConnectionErrorEvent(details);
  return class EventSource extends createEventSource(connect, createError, true) {
    #state;

    constructor(url, init = {}) {
      const options = pickOptions(init, OPTIONS);
      const { method = "GET", body, signal } = options;
      if (body !== undefined && /^(GET|HEAD)$/i.test(method)) {
        throw new TypeError(`EventSource: a ${method} request cannot have a body`);
      }
      const state = new ConnectionState(options.lastEventId);
      const isObject = init === null || ["object", "function"].includes(typeof init);
      super(url, isObject ? { __proto__: null, ...options, state } : init);
      this.#state = state;
      const close = () => this.close();
      signal?.addEventListener("abort", close);
      state.onclose = () => signal?.removeEventListener("abort", close);
      if (signal?.aborted) {
        close();
      }
    }

    get lastEventId() {
      return this.#state.lastEventId;
    }

    reconnect() {
      this.#state.reconnect();
    }

    async *[Symbol.asyncIterator]() {
      const queue = this.#state.addQueue();
      try {
        for (let event; (event = await queue.next()); ) {
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
function wasmOptions({ headers, body, retry, ...options }) {
  const {
    reconnectionTime,
    minDelay = 500,
    maxDelay = 5 * 60 * 1000,
    maxBackoff,
    serverErrors = true,
  } = pickOptions(retry, RETRY_OPTIONS);
  const requestParts = async () => ({
    headers: [...new Headers(await evaluate(headers))],
    body: await evaluate(body),
  });
  return {
    __proto__: null,
    ...options,
    requestParts: headers === undefined && body === undefined ? undefined : requestParts,
    reconnectionTime,
    minDelay,
    maxDelay,
    maxBackoff,
    retryServerErrors: serverErrors,
  };
}

/** Returns the value, or calls it if it is a function. It is called for each attempt. */
function evaluate(value) {
  return typeof value === "function" ? value() : value;
}
