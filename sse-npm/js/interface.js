// The interface of https://html.spec.whatwg.org/multipage/server-sent-events.html, over a
// connection that is made elsewhere.

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/**
 * Makes the constructor.
 *
 * @param connect takes an absolute URL, what the caller asks for, and a listener, whose methods it
 *   calls with what happens. Gives what has a method `close`.
 * @param failure makes an `error` event of what is known of a failure.
 */
export function eventSource(connect, failure) {
  return class EventSource extends EventTarget {
    #url;
    #withCredentials;
    #readyState = CONNECTING;
    #origin = "";
    #connection;
    #handlers = { open: null, message: null, error: null };

    constructor(url, init = {}) {
      if (arguments.length === 0) {
        throw new TypeError("EventSource: 1 argument required, but only 0 present.");
      }
      if (init !== null && !["object", "function"].includes(typeof init)) {
        throw new TypeError("EventSource: The second argument is not an object.");
      }
      super();
      this.#url = parse(`${url}`);
      this.#withCredentials = Boolean(init?.withCredentials);
      this.#connection = connect(this.#url.href, init ?? {}, {
        turn,
        open: (url) => this.#open(url),
        event: (type, data, lastEventId) => this.#event(type, data, lastEventId),
        tooLarge: () => this.#fail({ reason: "too-large" }),
        disconnected: (reason, status, delay) =>
          this.#fail({ reason, status, delay }, CONNECTING),
        closed: (reason, status, headers, body, fault) =>
          this.#fail({ reason, status, headers, body, fault }, CLOSED),
      });
    }

    get url() {
      return this.#url.href;
    }

    get withCredentials() {
      return this.#withCredentials;
    }

    get readyState() {
      return this.#readyState;
    }

    close() {
      this.#readyState = CLOSED;
      this.#connection.close();
    }

    /** "Announce the connection." */
    #open(url) {
      this.#origin = new URL(url || this.#url).origin;
      this.#tell(new Event("open"), OPEN);
    }

    /** "Dispatch the event." */
    #event(type, data, lastEventId) {
      const event = new MessageEvent(type, { data, lastEventId, origin: this.#origin });
      this.#tell(event);
      return event;
    }

    /** Tells why there is no connection, and whether there will be another. */
    #fail(details, readyState) {
      const event = failure(details);
      this.#tell(event, readyState);
      return event;
    }

    /** Nothing, once it is closed. */
    #tell(event, readyState = this.#readyState) {
      if (this.#readyState !== CLOSED) {
        this.#readyState = readyState;
        super.dispatchEvent(event);
      }
    }

    static {
      for (const type of ["open", "message", "error"]) {
        handlerAttribute(this.prototype, type, (source) => source.#handlers);
      }
      // As of an interface that a browser defines itself.
      for (const name of ["url", "withCredentials", "readyState", "close"]) {
        Object.defineProperty(this.prototype, name, { enumerable: true });
      }
      for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) {
        Object.defineProperty(this, name, { value, enumerable: true });
        Object.defineProperty(this.prototype, name, { value, enumerable: true });
      }
      const value = "EventSource";
      Object.defineProperty(this.prototype, Symbol.toStringTag, { value, configurable: true });
    }
  };
}

/** An absolute URL, as the page or the worker means it. */
function parse(url) {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  let parsed;
  try {
    parsed = new URL(url, base);
  } catch {}
  // Some parsers let a host pass that the URL Standard does not: "http://this is invalid/".
  if (!parsed || (isHttp(parsed) && parsed.hostname.includes("%"))) {
    throw new DOMException(`EventSource: cannot open "${url}": the URL is invalid.`, "SyntaxError");
  }
  return parsed;
}

function isHttp(url) {
  return url.protocol === "http:" || url.protocol === "https:";
}

/** An event handler IDL attribute: its place among the listeners is that of when it was first set. */
function handlerAttribute(prototype, type, handlersOf) {
  const listeners = new WeakMap();
  const accessors = {
    get [`on${type}`]() {
      return handlersOf(this)[type];
    },
    set [`on${type}`](value) {
      const handlers = handlersOf(this);
      handlers[type] = ["object", "function"].includes(typeof value) ? value : null;
      if (handlers[type] === null) {
        this.removeEventListener(type, listeners.get(this));
        listeners.delete(this);
      } else if (!listeners.has(this)) {
        listeners.set(this, (event) => {
          if (typeof handlers[type] === "function") {
            handlers[type].call(this, event);
          }
        });
        this.addEventListener(type, listeners.get(this));
      }
    },
  };
  Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(accessors));
}

/**
 * "Queue a task": all that a listener has set going as microtasks is done before the next event.
 * A timer would wait for milliseconds.
 */
const turn = (() => {
  if (globalThis.setImmediate) {
    return () => new Promise((resolve) => setImmediate(resolve));
  }
  const waiting = [];
  let port;
  return () =>
    new Promise((resolve) => {
      if (!port) {
        const channel = new MessageChannel();
        channel.port1.onmessage = () => waiting.shift()();
        port = channel.port2;
      }
      waiting.push(resolve);
      port.postMessage(null);
    });
})();
