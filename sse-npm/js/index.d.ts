/** A value, or a function that returns the value for each attempt. */
type PerAttempt<T> = T | (() => T | Promise<T>);

/** Options of an `EventSource`.
 *
 *  Times are in milliseconds: a negative time is 0, `Infinity` is no limit, and `NaN` counts as not set. Options are
 *  read from the object and its class, and not from `Object.prototype`. */
export interface EventSourceInit {
  /** Sends cookies and HTTP authentication to other origins too. */
  withCredentials?: boolean;
  /** The method of each request. The default is `GET`. With a method other than `GET` and `HEAD` the request is sent
   *  once, unless `resend` is `true`. */
  method?: string;
  /** Sends the request again after it failed or its stream ended.
   *
   *  The default is `true` for `GET` and `HEAD`. It is `false` for any other method, because sending the request again
   *  can repeat its effect, for example pay a language model twice.
   *
   *  A source that sends its request once is closed when the stream ends. The `reason` is `end` if the server ended the
   *  stream in order, and otherwise what interrupted it. A hidden page does not pause it. `reconnect()` sends the
   *  request again. If your `fetch` sends another method than `method`, you must set `resend`. */
  resend?: boolean;
  /** The headers of each request. Use a function, for example, to get a new token for each attempt. */
  headers?: PerAttempt<HeadersInit>;
  /** The body of each request, for a method that has a body. */
  body?: PerAttempt<BodyInit | null>;
  /** Closes the source when the signal is aborted. */
  signal?: AbortSignal | null;
  /** Continues after the event with this ID. */
  lastEventId?: string;
  /** The delays between attempts. */
  retry?: RetryInit;
  /** Maximum time until the head of the response. Many servers send the head with the first event. The default is five
   *  minutes, and no maximum for a request that is sent once. `Infinity` is no maximum. */
  headTimeout?: number;
  /** Maximum time without any byte, not even a comment, before the client reconnects. The default is no maximum. Twice
   *  the keep-alive interval of the server is a good value. */
  idleTimeout?: number;
  /** Maximum size of an event, in bytes. The default is 16 MiB. */
  maxEventBytes?: number;
  /** Cancels the request while the page is hidden, and continues when the page is visible again. It does not affect a
   *  running request that is sent once. */
  pauseWhenHidden?: boolean;
  /** Reconnects at once, and continues after the last event, when the network, the page or the machine is back.
   *
   *  - The network is back.
   *  - The page is restored from the browser's back/forward cache, or resumed after the browser has frozen it.
   *  - The machine was asleep for 90 seconds or longer.
   *
   *  An open connection is closed with the reason `requested`, because it may be dead without any sign.
   *
   *  It does not happen while `pauseWhenHidden` pauses, with a request that is sent once, and outside of browsers. The
   *  default is `true`. */
  reconnectOnWake?: boolean;
  /** A function to use instead of the global `fetch`. The body of its response must be a `ReadableStream`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** Delays between attempts, in milliseconds. Each failed attempt doubles the delay. A random jitter of up to a quarter
 *  is added. */
export interface RetryInit {
  /** The delay until the stream sets another one. The default is 3,000. */
  reconnectionTime?: number;
  /** The minimum delay, even if the stream sets a shorter one. The default is 500. */
  minDelay?: number;
  /** The maximum delay, even if the stream sets a longer one. The default is 300,000. */
  maxDelay?: number;
  /** The maximum to which repeated failures double the delay. The default is 60,000. */
  maxBackoff?: number;
  /** Tries again after the statuses 408, 425, 429 and 5xx. By the standard, every status but 200 closes the source. The
   *  default is `true`. */
  serverErrors?: boolean;
}

/** The `error` event of a connection that was lost or refused.
 *
 *  The stream can have events of type `error` too. They are `MessageEvent`s, so `instanceof` tells them apart. */
export class ConnectionErrorEvent extends Event {
  private constructor();
  readonly type: "error";
  /** The reason:
   *
   *  - `end`: the server ended the stream in order.
   *  - `truncated`: the server ended the stream inside an event.
   *  - `network-error`: the client could not connect, or the connection broke.
   *  - `head-timeout`: no response came in time.
   *  - `idle-timeout`: nothing more came in time.
   *  - `status`: the response has a status other than 200.
   *  - `content-type`: the response is not an event stream.
   *  - `requested`: the client reconnects because of `reconnect()`, `reconnectOnWake` or `pauseWhenHidden`.
   *  - `exception`: a function of yours threw, or the wasm could not be loaded.
   *  - `too-large`: an event was larger than `maxEventBytes` and is lost. The connection stays open. */
  readonly reason:
    | "end"
    | "truncated"
    | "network-error"
    | "head-timeout"
    | "idle-timeout"
    | "status"
    | "content-type"
    | "requested"
    | "exception"
    | "too-large";
  /** Human-readable reason. */
  readonly message: string;
  /** The status of the response, if it is the reason. */
  readonly status: number | undefined;
  /** The delay until the next attempt, in milliseconds. `undefined` if there is none: the source is closed, or an event
   *  was too large. */
  readonly delay: number | undefined;
  /** The headers of the response that closed the source. */
  readonly headers: Headers | undefined;
  /** The first 4 KiB of the body of the response that closed the source. */
  readonly body: string | undefined;
}

/** Event types. An event of the stream can have any type. With type `open` or `error` it is a `MessageEvent`, as in
 *  browsers. */
interface EventSourceEventMap {
  open: Event;
  message: MessageEvent<string>;
  error: ConnectionErrorEvent | MessageEvent<string>;
}

/** An `EventSource` like the browser's, with headers, `POST`, and errors that give the reason. */
export class EventSource extends EventTarget implements AsyncIterable<MessageEvent<string>> {
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSED: 2;

  constructor(url: string | URL, init?: EventSourceInit);

  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  readonly url: string;
  readonly withCredentials: boolean;
  readonly readyState: 0 | 1 | 2;
  /** The ID of the last event that was dispatched, or an empty string. The next request sends it as `Last-Event-ID`.
   *  Another source that gets it as an option continues after that event. */
  readonly lastEventId: string;
  /** Called when the connection is open, and never with an event of the stream. */
  onopen: ((this: EventSource, event: Event) => unknown) | null;
  onmessage: ((this: EventSource, event: MessageEvent<string>) => unknown) | null;
  /** Called when the connection is lost or refused, and never with an event of the stream. Listeners and loops get the
   *  events of type `error` of the stream. */
  onerror: ((this: EventSource, event: ConnectionErrorEvent) => unknown) | null;

  /** Closes the connection. No event is dispatched after it, and loops end. */
  close(): void;

  /** Reconnects at once, even if the source is waiting for its next attempt. */
  reconnect(): void;

  /** Iterates over events of every type, with backpressure.
   *
   *  The loop ends when `close` is called or `signal` is aborted. If the request is sent once, it also ends when the
   *  server ends the stream in order.
   *
   *  The loop throws when the source closes for another reason: the server refuses for good, or the stream of a request
   *  that is sent once is cut. The `cause` of the error is the `ConnectionErrorEvent`.
   *
   *  Leaving the loop closes the source. */
  [Symbol.asyncIterator](): AsyncGenerator<MessageEvent<string>, void, void>;

  addEventListener<K extends keyof EventSourceEventMap>(
    type: K,
    listener: (this: EventSource, event: EventSourceEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: (this: EventSource, event: MessageEvent<string>) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;

  removeEventListener<K extends keyof EventSourceEventMap>(
    type: K,
    listener: (this: EventSource, event: EventSourceEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: (this: EventSource, event: MessageEvent<string>) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
