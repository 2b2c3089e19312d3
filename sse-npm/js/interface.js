// The `EventSource` interface of https://html.spec.whatwg.org/multipage/server-sent-events.html. The caller provides
// the connection.

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/**
 * Returns the options with these names, from an object and its class. Properties of `Object.prototype` do not count. The
 * returned object has no prototype.
 */
export function pickOptions(object, names) {
  const options = { __proto__: null };
  for (const name of names.filter((name) => has(object, name))) {
    options[name] = object[name];
  }
  return options;
}

function has(object, name) {
  for (let holder = object; holder; holder = Object.getPrototypeOf(holder)) {
    const isRoot = Object.getPrototypeOf(holder) === null;
    if (isRoot && holder !== object) {
      return false;
    }
    if (Object.hasOwn(holder, name)) {
      return true;
    }
  }
  return false;
}

/**
 * Creates the class.
 *
 * @param connect takes an absolute URL, the options, and a listener. It calls the methods of the listener with what
 *   happens. Returns an object with a method `close`.
 * @param createError creates an `error` event from the details of a failure.
 * @param mutesHandlers `true` to not call `onopen` and `onerror` for events of the stream with type `open` or `error`.
 *   By the standard they are called for those events too.
 */
export function createEventSource(connect, createError, mutesHandlers = false) {
  return class EventSource extends EventTarget {
    #url;
    #withCredentials;
    #readyState = CONNECTING;
    #origin = "";
    #connection;
    #handlers = new Handlers();

    constructor(url, init = {}) {
      if (arguments.length === 0) {
        throw new TypeError("EventSource: 1 argument required, but only 0 present");
      }
      if (init !== null && !["object", "function"].includes(typeof init)) {
        throw new TypeError("EventSource: the second argument is not an object");
      }
      super();
      this.#url = parse(`${url}`);
      this.#withCredentials = Boolean(pickOptions(init, ["withCredentials"]).withCredentials);
      const options = { __proto__: null, ...init, withCredentials: this.#withCredentials };
      this.#connection = connect(this.#url.href, options, {
        task,
        open: (url) => this.#open(url),
        event: (type, data, lastEventId) => this.#event(type, data, lastEventId),
        lastEventId() {},
        tooLarge: () => this.#fail({ reason: "too-large" }),
        disconnected: (reason, status, delay) =>
          this.#fail({ reason, status, delay }, CONNECTING),
        closed: (reason, status, headers, body, exception) =>
          this.#fail({ reason, status, headers, body, exception }, CLOSED),
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
      this.#dispatch(new Event("open"), OPEN);
    }

    /** "Dispatch the event." */
    #event(type, data, lastEventId) {
      const init = { __proto__: null, data, lastEventId, origin: this.#origin };
      const event = new MessageEvent(type, init);
      this.#handlers.muted = mutesHandlers && type !== "message" ? type : undefined;
      this.#dispatch(event);
      this.#handlers.muted = undefined;
      return event;
    }

    /** Dispatches an `error` event, and sets the new state. */
    #fail(details, readyState) {
      const event = createError({ __proto__: null, ...details });
      this.#dispatch(event, readyState);
      return event;
    }

    /** Dispatches an event, unless the source is closed. */
    #dispatch(event, readyState = this.#readyState) {
      if (this.#readyState !== CLOSED) {
        this.#readyState = readyState;
        super.dispatchEvent(event);
      }
    }

    static {
      for (const type of ["open", "message", "error"]) {
        handlerAttribute(this.prototype, type, (source) => source.#handlers);
      }
      // Enumerable, like the properties of an interface of the browser.
      for (const name of ["url", "withCredentials", "readyState", "close"]) {
        Object.defineProperty(this.prototype, name, { __proto__: null, enumerable: true });
      }
      for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSED })) {
        const property = { __proto__: null, value, enumerable: true };
        Object.defineProperty(this, name, property);
        Object.defineProperty(this.prototype, name, property);
      }
      const tag = { __proto__: null, value: "EventSource", configurable: true };
      Object.defineProperty(this.prototype, Symbol.toStringTag, tag);
    }
  };
}

/** Parses a URL, which may be relative to the page or the worker. */
function parse(url) {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  let parsed;
  try {
    parsed = new URL(url, base);
  } catch {}
  // Some parsers accept a host that the URL Standard does not allow: "http://this is invalid/".
  if (!parsed || (isHttp(parsed) && parsed.hostname.includes("%"))) {
    throw new DOMException(`EventSource: invalid URL "${url}"`, "SyntaxError");
  }
  return parsed;
}

function isHttp(url) {
  return url.protocol === "http:" || url.protocol === "https:";
}

/** The values of `onopen`, `onmessage` and `onerror` of one source. */
class Handlers {
  open = null;
  message = null;
  error = null;
  /** The event type whose handler is not called at the moment. */
  muted;
  isByRuntime = callsHandlers();
}

/** Returns whether the runtime itself calls `on…` of any `EventTarget`, like Cloudflare Workers. */
function callsHandlers() {
  let isCalled = false;
  class Probe extends EventTarget {
    get onprobe() {
      return () => {
        isCalled = true;
      };
    }
  }
  new Probe().dispatchEvent(new Event("probe"));
  return isCalled;
}

/** Defines an event handler IDL attribute. Its position among the listeners is set when it is first assigned. */
function handlerAttribute(prototype, type, handlersOf) {
  const listeners = new WeakMap();
  const accessors = {
    get [`on${type}`]() {
      const { [type]: handler, muted, isByRuntime } = handlersOf(this);
      return isByRuntime && muted === type ? null : handler;
    },
    set [`on${type}`](value) {
      const handlers = handlersOf(this);
      handlers[type] = ["object", "function"].includes(typeof value) ? value : null;
      if (handlers.isByRuntime) {
        return;
      }
      if (handlers[type] === null) {
        this.removeEventListener(type, listeners.get(this));
        listeners.delete(this);
      } else if (!listeners.has(this)) {
        listeners.set(this, (event) => {
          if (typeof handlers[type] === "function" && handlers.muted !== type) {
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
 * "Queue a task": all microtasks that a listener has started are done before the next event. A timer would wait for
 * milliseconds.
 */
const task = (() => {
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
