/** A value, or a function that gives it for each attempt. */
type PerAttempt<T> = T | (() => T | Promise<T>);

/** What can be asked for. Times are in milliseconds: one that is negative is 0, `Infinity` is for ever, `NaN` is as if it
 *  were not set. Options are read from the object and its class, and not from `Object.prototype`. */
export interface EventSourceInit {
  /** Sends cookies and HTTP authentication also to another origin. */
  withCredentials?: boolean;
  /** The method of each request. `GET` if it is not set. With another than `GET` and `HEAD` the request is sent once,
   *  unless `resend` is `true`. */
  method?: string;
  /** Sends the request again after it failed or its stream ended. If it is not set, `true` for `GET` and `HEAD`, and
   *  `false` for any other method, because sending that again may repeat what it did: a language model would be paid
   *  twice. A source that sends its request once is closed at its end: `reason` is `end` if the server ended the stream
   *  in order, and otherwise what cut it. A hidden page does not pause it. `reconnect()` sends it again. A `fetch` of yours
   *  that sends another method than `method` needs `resend` to be set. */
  resend?: boolean;
  /** Headers of each request: as a function, a token can be fetched anew for each attempt. */
  headers?: PerAttempt<HeadersInit>;
  /** The body of each request, for a method that has one. */
  body?: PerAttempt<BodyInit | null>;
  /** Closes the source when it is aborted. */
  signal?: AbortSignal | null;
  /** Goes on behind the event with this ID. */
  lastEventId?: string;
  /** When to try again. */
  retry?: RetryInit;
  /** Maximum time to the head of the response, in milliseconds: many servers send it with the first event. Five
   *  minutes if it is not set, and no maximum for a request that is sent once. `Infinity` is no maximum. */
  headTimeout?: number;
  /** How long nothing may come, not even a comment, before a new connection is made. Not limited if
   *  it is not set. Twice the server's keep-alive is a good value. */
  idleTimeout?: number;
  /** How large an event may be, in bytes. 16 MiB if it is not set. */
  maxEventSize?: number;
  /** Cancels the request while nobody sees the page, and goes on when somebody does. Not for a request that is sent once
   *  and under way. */
  pauseWhenHidden?: boolean;
  /** Connects again at once, after the last event, when the network is back, when the page is restored from the browser's
   *  cache of pages, and when the machine was asleep for a minute and a half or more. What is open then is given up with
   *  the reason `requested`, because it may be dead without a sign of it. Not while `pauseWhenHidden` pauses, not with a
   *  request that is sent once, and nothing of it outside of browsers. `true` if it is not set. */
  reconnectOnWake?: boolean;
  /** In place of the global `fetch`. The body of its response has to be a `ReadableStream`. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** When to try again. Failures in a row double the delay, and a part of up to a quarter is random. */
export interface RetryInit {
  /** The delay as long as the stream says nothing else. 3,000 if it is not set. */
  time?: number;
  /** The least delay, whatever the stream says. 500 if it is not set. */
  floor?: number;
  /** The greatest delay, whatever the stream says. 300,000 if it is not set. */
  ceiling?: number;
  /** To what delay repeated failures may double it. 60,000 if it is not set. */
  backoffLimit?: number;
  /** Whether to try again after statuses that say "not now": 408, 425, 429 and 5xx. The standard has it that
   *  every status but 200 is the end. `true` if it is not set. */
  statuses?: boolean;
}

/** Why there is no connection. `instanceof` tells it from a `MessageEvent` of type `error`, which the stream may have. */
export class ConnectionErrorEvent extends Event {
  private constructor();
  readonly type: "error";
  /** `end`: the server ended the stream in order. `truncated`: it ended the stream inside an event.
   *  `network-error`: there was no connection, or it broke. `head-timeout`: no response came in time.
   *  `idle-timeout`: nothing more came in time. `status`: a status other than 200. `content-type`: no event stream. `fault`: a function of
   *  yours threw, or the wasm could not be loaded. `too-large`: an event was
   *  lost, and nothing else. */
  readonly reason:
    | "end"
    | "truncated"
    | "network-error"
    | "head-timeout"
    | "idle-timeout"
    | "status"
    | "content-type"
    | "requested"
    | "fault"
    | "too-large";
  /** In words. */
  readonly message: string;
  /** The status of the response, if it is to blame. */
  readonly status: number | undefined;
  /** The time to the next attempt; `undefined` if there is none, and the source is closed. */
  readonly delay: number | undefined;
  /** The headers of the response that closed the source. */
  readonly headers: Headers | undefined;
  /** The first 4 KiB of its body. */
  readonly body: string | undefined;
}

/** An event of the stream may have any type: those of type `open` and `error` are `MessageEvent`s, as in browsers. */
interface EventSourceEventMap {
  open: Event;
  message: MessageEvent<string>;
  error: ConnectionErrorEvent | MessageEvent<string>;
}

/** The browser's `EventSource`, with headers, POST, and errors that say why. */
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
  /** The ID of the last event that was told, which is what the next request sends as `Last-Event-ID`. Empty if there is
   *  none. Given as an option, it has another source go on after this one. */
  readonly lastEventId: string;
  /** Called when the stream is there, and never with an event of the stream. */
  onopen: ((this: EventSource, event: Event) => unknown) | null;
  onmessage: ((this: EventSource, event: MessageEvent<string>) => unknown) | null;
  /** Called when there is no connection, and never with an event of the stream: those of type `error` are for listeners
   *  and loops. */
  onerror: ((this: EventSource, event: ConnectionErrorEvent) => unknown) | null;

  /** Closes the connection. Nothing is told any more, and loops end. */
  close(): void;

  /** Connects again at once, also if it is waiting to. */
  reconnect(): void;

  /** Events of every type, held back until they are taken. The loop ends when `close` is called or `signal` is aborted,
   *  and, if the request is sent once, when the server ends the stream in order. It throws when the source closes for
   *  another reason, with the event as the `cause` of the error: the server refuses for good, or a stream is cut whose
   *  request is sent once. To leave the loop closes the source. */
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
