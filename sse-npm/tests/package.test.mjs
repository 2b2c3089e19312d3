// Tests of the package in Node, Bun and Deno, with a server that records the requests. `cargo xtask test-npm` builds
// and installs the package.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";

import { ConnectionErrorEvent, EventSource } from "sse-npm";
import { EventSource as Standard } from "sse-npm/standard";

test("functions for headers and body are called for each attempt", async (t) => {
  const { url, requests } = await serve(t, (request, response, attempt) => {
    stream(response).end(`retry: 1\nid: ${attempt}\ndata: ${attempt}\n\n`);
  });
  let token = 0;
  const source = new EventSource(url, {
    method: "POST",
    resend: true,
    headers: async () => ({ authorization: `Bearer ${++token}`, "content-type": "text/plain" }),
    body: () => `body ${token}`,
    retry: { minDelay: 10 },
    lastEventId: "earlier",
  });
  await message(source);
  await message(source);
  source.close();
  assert.deepEqual(
    requests.slice(0, 2).map(({ method, headers, body }) => [
      method,
      headers.authorization,
      headers["content-type"],
      headers.accept,
      headers["last-event-id"],
      body,
    ]),
    [
      ["POST", "Bearer 1", "text/plain", "text/event-stream", "earlier", "body 1"],
      ["POST", "Bearer 2", "text/plain", "text/event-stream", "1", "body 2"],
    ],
  );
});

test("only GET and HEAD are sent again, unless resend is set", async (t) => {
  const { url, requests } = await serve(t, (request, response) => {
    stream(response).end("retry: 1\nid: 1\ndata: a\n\n");
  });
  const retry = { reconnectionTime: 1, minDelay: 1 };
  const once = [
    ...["POST", "post", "PUT", "PATCH", "DELETE"].map((method) => ({ method })),
    { method: "POST", resend: undefined },
    { method: "POST", retry: { reconnectionTime: 1, minDelay: 1, serverErrors: true }, pauseWhenHidden: true },
    { resend: false },
    { method: "get", resend: false },
  ];
  for (const init of once) {
    requests.length = 0;
    const source = new EventSource(url, { retry, ...init });
    const data = [];
    for await (const event of source) {
      data.push(event.data);
    }
    assert.equal(source.readyState, EventSource.CLOSED);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual([data, requests.length], [["a"], 1], JSON.stringify(init));
  }
  const again = [{}, { method: "get" }, { method: "GET" }, { method: "POST", resend: true }];
  for (const init of again) {
    requests.length = 0;
    const source = new EventSource(url, { retry, ...init });
    await message(source);
    await message(source);
    source.close();
    assert(requests.length >= 2, JSON.stringify(init));
  }
});

/** Ways to cut a stream: the response, the events before the cut, and the reason if it differs from the name. */
const CUTS = {
  "network-error": [
    (response, received) => {
      stream(response).write("data: a\n\n");
      received.then(() => response.destroy());
    },
    ["a"],
  ],
  truncated: [(response) => stream(response).end("data: a\n\ndata: b\n"), ["a"]],
  "idle-timeout": [(response) => stream(response).write("data: a\n\n"), ["a"]],
  "head-timeout": [() => {}, []],
  "no answer": [(response) => response.destroy(), [], "network-error"],
  "status 503": [(response) => response.writeHead(503).end("later"), [], "status"],
  "status 429": [(response) => response.writeHead(429).end("later"), [], "status"],
  "status 431": [(response) => response.writeHead(431).end("later"), [], "status"],
  "status 204": [(response) => response.writeHead(204).end(), [], "status"],
  "content-type": [(response) => response.writeHead(200).end("later"), []],
};

test("a loop over a request that is sent once throws if the stream was cut", async (t) => {
  for (const [name, [cut, expected, reason = name]] of Object.entries(CUTS)) {
    for (const method of ["POST", "PUT", "GET"]) {
      let onReceived;
      const received = new Promise((resolve) => (onReceived = resolve));
      const { url, requests } = await serve(t, (request, response) => cut(response, received));
      const timeouts = {
        ...(name === "head-timeout" && { headTimeout: 50 }),
        ...(name === "idle-timeout" && { idleTimeout: 200 }),
      };
      const source = new EventSource(url, {
        method,
        resend: method === "GET" ? false : undefined,
        lastEventId: "1",
        retry: { reconnectionTime: 1, minDelay: 1 },
        ...timeouts,
      });
      source.onmessage = onReceived;
      const errors = [];
      source.onerror = (event) => {
        errors.push(event);
        source.close();
      };
      const data = [];
      const loop = async () => {
        for await (const event of source) {
          data.push(event.data);
        }
      };
      const shown = `${name}, ${method}`;
      await assert.rejects(loop, ({ cause }) => {
        assert(cause instanceof ConnectionErrorEvent, shown);
        assert.equal(cause.reason, reason, shown);
        assert.equal(cause.delay, undefined, shown);
        assert.equal(cause.body || undefined, /503|429|431|content/.test(name) ? "later" : undefined, shown);
        return true;
      });
      assert.deepEqual([data, errors.length, source.readyState], [expected, 1, EventSource.CLOSED], shown);
      // A loop that starts late throws too.
      await assert.rejects(loop, ({ cause }) => cause.reason === reason);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(requests.length, 1, shown);
    }
  }
});

test("onerror reports the end of a request that is sent once", async (t) => {
  const { url } = await serve(t, (request, response) => stream(response).end("data: a\n\n"));
  const source = new EventSource(url, { method: "POST" });
  const [error] = await once(source, "error");
  assert.deepEqual([error.reason, error.delay, source.readyState], ["end", undefined, EventSource.CLOSED]);
  for await (const _ of source) {
    assert.fail("a closed source has no events");
  }
});

test("only reconnect() repeats a request that is sent once", async (t) => {
  const { url, requests } = await serve(t, (request, response, attempt) => {
    stream(response).write(`data: ${attempt}\n\n`);
  });
  const source = new EventSource(url, { method: "POST" });
  await message(source);
  source.reconnect();
  assert.equal((await message(source)).data, "2");
  source.close();
  source.reconnect();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(requests.length, 2);
});

test("a refusal has the status, headers and body of the response", async (t) => {
  const { url } = await serve(t, (request, response) => {
    response.writeHead(401, { "WWW-Authenticate": "Bearer" }).end("no token");
  });
  const source = new EventSource(url);
  const [error] = await once(source, "error");
  assert(error instanceof ConnectionErrorEvent);
  assert.equal(source.readyState, EventSource.CLOSED);
  const { reason, status, message, delay, body } = error;
  assert.deepEqual([reason, status, message, body], ["status", 401, "status 401", "no token"]);
  assert.equal(delay, undefined);
  assert.equal(error.headers.get("www-authenticate"), "Bearer");
});

test("server errors are retried, unless retry.serverErrors is false", async (t) => {
  const { url } = await serve(t, (request, response, attempt) => {
    if (attempt % 2 === 1) {
      response.writeHead(503).end();
    } else {
      stream(response).write("data: there\n\n");
    }
  });
  const source = new EventSource(url, { retry: { reconnectionTime: 10, minDelay: 10 } });
  const [error] = await once(source, "error");
  assert.deepEqual([error.reason, error.status], ["status", 503]);
  assert(error.delay >= 10);
  assert.equal(source.readyState, EventSource.CONNECTING);
  assert.equal((await message(source)).data, "there");
  source.close();

  const strict = new EventSource(url, { retry: { serverErrors: false } });
  await once(strict, "error");
  assert.equal(strict.readyState, EventSource.CLOSED);
});

test("a refusal with an endless body is reported", async (t) => {
  const { url } = await serve(t, (request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" }).write("<p>");
  });
  const [error] = await once(new EventSource(url), "error");
  assert.deepEqual([error.reason, error.body], ["content-type", "<p>"]);
});

test("an exception of a function of the caller closes the source", async (t) => {
  const { url, requests } = await serve(t, () => {});
  const rejecting = () => Promise.reject(new Error("no token to be had"));
  const [error] = await once(new EventSource(url, { headers: rejecting }), "error");
  assert.equal(error.reason, "exception");
  assert.match(error.message, /no token to be had/);
  assert.equal(requests.length, 0);
});

test("a signal closes the source and cancels the request", async (t) => {
  const { url, left } = await serve(t, (request, response) => {
    stream(response).write("data: a\n\n");
  });
  const controller = new AbortController();
  const source = new EventSource(url, { signal: controller.signal });
  await message(source);
  controller.abort();
  assert.equal(source.readyState, EventSource.CLOSED);
  await left;
  const never = new EventSource(url, { signal: AbortSignal.abort() });
  assert.equal(never.readyState, EventSource.CLOSED);
});

test("a loop takes events of every type, with backpressure", async (t) => {
  let written = 0;
  const { url, left } = await serve(t, (request, response) => {
    stream(response);
    const write = () => {
      while (written < 10_000) {
        written += 1;
        const pad = "x".repeat(10_000);
        if (!response.write(`event: tick\nid: ${written}\ndata: ${pad}\n\n`)) {
          response.once("drain", write);
          return;
        }
      }
    };
    write();
  });
  let read = 0;
  for await (const event of new EventSource(url)) {
    read += 1;
    assert.deepEqual([event.type, event.lastEventId], ["tick", String(read)]);
    if (read === 3) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert(written < 9_000, `${written} events written, the loop has taken 3`);
    }
    if (read === 200) {
      break;
    }
  }
  await left;
});

test("a loop ends when the source is closed, and throws when the server refuses", async (t) => {
  const { url } = await serve(t, (request, response, attempt) => {
    if (attempt === 1) {
      stream(response).write("data: a\n\n");
    } else {
      response.writeHead(204).end();
    }
  });
  const source = new EventSource(url);
  const data = [];
  for await (const event of source) {
    data.push(event.data);
    setTimeout(() => source.close());
  }
  assert.deepEqual(data, ["a"]);
  for await (const _ of source) {
    assert.fail("a closed source has no events");
  }
  const refused = async () => {
    for await (const _ of new EventSource(url));
  };
  await assert.rejects(refused, ({ message, cause }) => {
    assert.equal(message, "status 204");
    return cause instanceof ConnectionErrorEvent;
  });
});

test("the fetch option replaces the global fetch", async () => {
  const calls = [];
  const source = new EventSource("http://nowhere.invalid/events", {
    fetch: async (url, init) => {
      calls.push([url, init.headers.get("accept")]);
      return new Response("data: made up\n\n", { headers: { "content-type": "text/event-stream" } });
    },
  });
  const event = await message(source);
  source.close();
  assert.deepEqual([event.data, event.origin], ["made up", "http://nowhere.invalid"]);
  assert.deepEqual(calls, [["http://nowhere.invalid/events", "text/event-stream"]]);
});

test("a fetch option that is aborted closes the source", async () => {
  const fetch = async () => Promise.reject(new DOMException("stop", "AbortError"));
  const source = new EventSource("http://nowhere.invalid/events", { fetch });
  const [error] = await once(source, "error");
  assert.deepEqual([error.reason, source.readyState], ["exception", EventSource.CLOSED]);
});

test("the idle timeout reconnects", async (t) => {
  const { url, requests } = await serve(t, (request, response) => {
    stream(response).write("data: a\n\n");
  });
  const source = new EventSource(url, { idleTimeout: 100, retry: { reconnectionTime: 10, minDelay: 10 } });
  const [error] = await once(source, "error");
  assert.equal(error.reason, "idle-timeout");
  await message(source);
  source.close();
  // On a busy machine the timeout may pass more than once.
  assert(requests.length >= 2, `${requests.length}`);
});

test("nothing is read from Object.prototype", async (t) => {
  const { url, requests } = await serve(t, (request, response, attempt) => {
    stream(response).write(`id: ${attempt}\ndata: a\n\n`);
  });
  const abort = new AbortController();
  const polluted = {
    withCredentials: true,
    method: "POST",
    resend: false,
    headers: { authorization: "stolen" },
    signal: abort.signal,
    lastEventId: "stolen",
    retry: { reconnectionTime: 1, minDelay: 1 },
    headTimeout: 0,
    idleTimeout: 0,
    maxEventBytes: 0,
    pauseWhenHidden: true,
    reconnectOnWake: false,
    fetch: () => Promise.reject(new Error("stolen")),
    // Options of the wasm.
    requestParts: () => ({ headers: [["authorization", "stolen"]] }),
    isStandard: true,
    reconnectionTime: 1,
    minDelay: 1,
    retryServerErrors: true,
    // Options of the global `fetch`.
    redirect: "error",
    integrity: "sha256-AAAA",
    // Options of events.
    bubbles: true,
    cancelable: true,
  };
  const seen = async (Class, ...init) => {
    const source = new Class(url, ...init);
    const event = await message(source);
    source.close();
    const { method, headers, body } = requests.at(-1);
    const { authorization, cookie, "last-event-id": id } = headers;
    const { data, bubbles, cancelable } = event;
    return { method, authorization, cookie, id, body, data, bubbles, cancelable, c: source.withCredentials };
  };
  for (const Class of [EventSource, Standard]) {
    for (const init of [[], [{}], [{ retry: {} }], [null]]) {
      const expected = await seen(Class, ...init);
      assert.equal(expected.method, "GET");
      for (const [name, value] of Object.entries(polluted)) {
        // Deno's own `fetch` recurses endlessly with this property.
        if (name === "signal" && globalThis.Deno) {
          continue;
        }
        const property = { __proto__: null, value, configurable: true, writable: true };
        Object.defineProperty(Object.prototype, name, property);
        try {
          assert.deepEqual(await seen(Class, ...init), expected, `${name}, ${JSON.stringify(init)}`);
        } finally {
          delete Object.prototype[name];
        }
      }
    }
  }
});

test("no body is read from Object.prototype", async () => {
  // Node's own `fetch` fails with this property, so the test uses another `fetch`.
  const calls = [];
  const fetch = async (url, { body }) => {
    calls.push(body);
    throw new DOMException("stop", "AbortError");
  };
  const property = { value: "stolen", configurable: true, writable: true };
  Object.defineProperty(Object.prototype, "body", property);
  try {
    const source = new EventSource("http://nowhere.invalid/", { fetch });
    await once(source, "error");
  } finally {
    delete Object.prototype.body;
  }
  assert.deepEqual(calls, [null]);
});

test("options are read from classes and from prototypes other than Object.prototype", async (t) => {
  const { url, requests } = await serve(t, (request, response) => {
    stream(response).write("data: a\n\n");
  });
  class Init {
    method = "POST";
    resend = true;
    get headers() {
      return { authorization: "mine" };
    }
  }
  for (const init of [new Init(), Object.create({ method: "POST", headers: { authorization: "mine" } })]) {
    const source = new EventSource(url, init);
    await message(source);
    source.close();
    const { method, headers } = requests.at(-1);
    assert.deepEqual([method, headers.authorization], ["POST", "mine"]);
  }
});

test("no number in an option causes an exception or an endless loop", async (t) => {
  const { url, requests } = await serve(t, (request, response) => {
    stream(response).write("data: a\n\n");
  });
  const numbers = [0, 1, 2 ** 31, 2 ** 53, Number.MAX_VALUE, Infinity, NaN, -1, -Infinity, 0.5];
  const options = ["headTimeout", "idleTimeout", "maxEventBytes"];
  const retries = ["reconnectionTime", "minDelay", "maxDelay", "maxBackoff"];
  const inits = (value) => [
    ...options.map((name) => ({ [name]: value })),
    ...retries.map((name) => ({ retry: { [name]: value } })),
  ];
  for (const value of numbers) {
    for (const init of inits(value)) {
      const shown = `${JSON.stringify(init)} of ${value}`;
      const before = requests.length;
      const source = new EventSource(url, init);
      const reasons = [];
      const firstEvent = new Promise((resolve) => {
        source.onmessage = () => resolve("message");
        source.onerror = ({ reason }) => {
          reasons.push(reason);
          resolve(reason);
        };
      });
      const first = await firstEvent;
      // A time that never passes must not pass at once.
      const isShort = value < 100;
      const expected = !isShort || Number.isNaN(value) || "retry" in init
        ? ["message"]
        : ["message", "head-timeout", "idle-timeout", "too-large"];
      assert(expected.includes(first), `${shown}: ${first}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.notEqual(source.readyState, EventSource.CLOSED, `${shown}: ${reasons}`);
      if (!isShort || Number.isNaN(value)) {
        assert.deepEqual(reasons, [], shown);
      }
      source.close();
      assert(requests.length - before <= 3, `${shown}: ${requests.length - before} requests`);
    }
  }
});

test("an event that is too large is reported, and the next one is delivered", async (t) => {
  const { url } = await serve(t, (request, response) => {
    stream(response).write(`data: ${"x".repeat(1000)}\n\ndata: small\n\n`);
  });
  const source = new EventSource(url, { maxEventBytes: 100 });
  const [error] = await once(source, "error");
  assert.equal(error.reason, "too-large");
  assert.equal(source.readyState, EventSource.OPEN);
  assert.equal((await message(source)).data, "small");
  source.close();
});

test("reconnect() reconnects", async (t) => {
  const { url, requests } = await serve(t, (request, response, attempt) => {
    stream(response).write(`data: ${attempt}\n\n`);
  });
  const source = new EventSource(url);
  await message(source);
  source.reconnect();
  assert.equal((await message(source)).data, "2");
  source.close();
  assert.equal(requests.length, 2);
});

test("it reconnects at once when a window dispatches online", async (t) => {
  const { url, requests } = await serve(t, (request, response, attempt) => {
    if (attempt % 2 === 1) {
      response.writeHead(503).end();
    } else {
      stream(response).write("data: a\n\n");
    }
  });
  const hour = 3_600_000;
  const retry = { reconnectionTime: hour, minDelay: hour, maxDelay: hour };
  const waiting = async (target, init) => {
    const source = new EventSource(url, { retry, ...init });
    t.after(() => source.close());
    await once(source, "error");
    target.dispatchEvent(new Event("online"));
    return source;
  };
  globalThis.window = new EventTarget();
  try {
    const source = await waiting(window);
    await message(source);
    source.close();
    await waiting(window, { reconnectOnWake: false });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(requests.length, 3);
  } finally {
    delete globalThis.window;
  }
});

test("without a window there is no timer for sleep", async (t) => {
  const { url } = await serve(t, (request, response) => stream(response).write("data: a\n\n"));
  const delays = timers(t);
  const source = new EventSource(url);
  await message(source);
  source.close();
  assert.deepEqual(delays.filter((delay) => delay > 1000 && delay < 10_000), []);
});

test("the standard's class ignores further options, and reports no more than browsers do", async (t) => {
  const { url, requests } = await serve(t, (request, response, attempt) => {
    if (attempt === 1) {
      stream(response).end("retry: 500\nid: 1\ndata: a\n\n");
    } else {
      response.writeHead(503).end();
    }
  });
  const source = new Standard(url, { method: "POST", headers: { authorization: "Bearer" } });
  const delays = timers(t);
  const start = performance.now();
  await message(source);
  const [lost] = await once(source, "error");
  assert.equal(source.readyState, Standard.CONNECTING);
  const [refused] = await once(source, "error");
  assert.equal(source.readyState, Standard.CLOSED);
  const waited = performance.now() - start;
  assert(waited > 495, `${waited}`);
  // The delay has no jitter. The test checks the requested delay, because a busy machine can wait longer.
  const inRange = (from, to) => delays.some((delay) => delay > from && delay <= to);
  assert(inRange(250, 501) && !inRange(501, 626), `${delays}`);
  for (const error of [lost, refused]) {
    assert.equal(error.constructor, Event);
    assert.deepEqual(Object.keys(error), Object.keys(new Event("error")));
  }
  const seen = requests.map(({ method, headers }) => [method, headers.authorization]);
  assert.deepEqual(seen, [["GET", undefined], ["GET", undefined]]);
});

test("the script defines EventSource as browsers do", async () => {
  const { EventSource: before } = globalThis;
  await import("sse-npm/event-source.js");
  const { value, ...property } = Object.getOwnPropertyDescriptor(globalThis, "EventSource");
  assert.notEqual(value, before);
  assert.equal(value.name, "EventSource");
  assert.deepEqual(property, { writable: true, enumerable: false, configurable: true });
});

test("each event is a task of its own, and no event follows close()", async (t) => {
  const { url } = await serve(t, (request, response) => {
    stream(response).end("data: 1\n\ndata: 2\n\ndata: 3\n\n");
  });
  const source = new Standard(url);
  const log = [];
  source.onmessage = async ({ data }) => {
    log.push(`event ${data}`);
    for (let step = 0; step < 100; step += 1) {
      await null;
    }
    log.push(`done ${data}`);
    if (data === "2") {
      source.close();
    }
  };
  source.onerror = () => log.push("error");
  await message(source);
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.deepEqual(log, ["event 1", "done 1", "event 2", "done 2"]);
});

test("a source that is closed at once sends no request", async (t) => {
  const { url, requests } = await serve(t, (request, response) => stream(response).end());
  new EventSource(url).close();
  new Standard(url).close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(requests.length, 0);
});

test("invalid arguments throw", () => {
  const invalid = { name: "SyntaxError" };
  assert.throws(() => new EventSource("/relative"), invalid);
  assert.throws(() => new EventSource("http://this is invalid/"), invalid);
  assert.throws(() => new EventSource("http://localhost/", { body: "a" }), TypeError);
  assert.throws(() => EventSource("http://localhost/"), TypeError);
});

test("an event of the stream never calls onopen or onerror", async (t) => {
  const { url } = await serve(t, (request, response, attempt) => {
    if (attempt === 1) {
      const types = ["error", "open", "message", "close"];
      stream(response).end(types.map((type) => `event: ${type}\ndata: of ${type}\n\n`).join(""));
    } else {
      response.writeHead(404).end();
    }
  });
  const source = new EventSource(url, { retry: { reconnectionTime: 1, minDelay: 1 } });
  const log = [];
  const record = (name) => (event) => log.push(`${name}: ${event.data ?? event.reason ?? "connected"}`);
  source.onopen = record("onopen");
  source.onmessage = record("onmessage");
  source.onerror = record("onerror");
  for (const type of ["error", "open", "message", "close"]) {
    source.addEventListener(type, record(type));
  }
  while (source.readyState !== EventSource.CLOSED) {
    const [event] = await once(source, "error");
    assert.notEqual(event instanceof MessageEvent, event instanceof ConnectionErrorEvent);
  }
  const expected = [
    ...["onopen: connected", "open: connected"],
    ...["error: of error", "open: of open", "onmessage: of message", "message: of message", "close: of close"],
    ...["onerror: end", "error: end", "onerror: status", "error: status"],
  ];
  assert.deepEqual(log, expected);

  // The class of the standard calls the handlers, as browsers do.
  const standard = new Standard((await serve(t, (request, response) => {
    stream(response).write("event: error\ndata: of error\n\nevent: open\ndata: of open\n\n");
  })).url);
  const handled = [];
  standard.onerror = (event) => handled.push(event.data);
  standard.onopen = (event) => handled.push(event.data);
  await once(standard, "error");
  await once(standard, "open");
  standard.close();
  assert.deepEqual(handled, [undefined, "of error", "of open"]);
});

test("a loop delivers events of type error and continues", async (t) => {
  const { url } = await serve(t, (request, response) => {
    stream(response).end("event: error\ndata: overloaded\n\ndata: more\n\n");
  });
  const events = [];
  for await (const { type, data } of new EventSource(url, { method: "POST" })) {
    events.push([type, data]);
  }
  assert.deepEqual(events, [["error", "overloaded"], ["message", "more"]]);
});

test("lastEventId is the ID of the last event", async (t) => {
  const { url, requests } = await serve(t, (request, response, attempt) => {
    if (attempt === 1) {
      stream(response).write("data: none\n\nid: 1\ndata: a\n\n");
      t.after(() => response.end());
      setTimeout(() => response.write("id: 2\n\n"), 50);
    } else {
      stream(response).write("id\ndata: reset\n\n");
    }
  });
  const source = new EventSource(url, { lastEventId: "first" });
  const ids = [source.lastEventId];
  source.onmessage = (event) => {
    assert.equal(event.lastEventId, source.lastEventId);
    ids.push(event.lastEventId);
  };
  assert.throws(() => (source.lastEventId = "another"), TypeError);
  await message(source);
  await message(source);
  while (source.lastEventId !== "2") {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  source.reconnect();
  await message(source);
  source.close();
  assert.deepEqual(ids, ["first", "first", "1", ""]);
  assert.equal(source.lastEventId, "");
  assert.deepEqual(requests.map(({ headers }) => headers["last-event-id"]), ["first", "2"]);
  const another = new EventSource(url);
  another.close();
  assert.equal(another.lastEventId, "");
  assert(!("lastEventId" in Standard.prototype));
});

test("an event that was not dispatched does not change lastEventId", async (t) => {
  const { url } = await serve(t, (request, response) => {
    stream(response).write("id: 1\ndata: a\n\nid: 2\ndata: b\n\n");
  });
  const source = new EventSource(url);
  source.onmessage = () => source.close();
  await message(source);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(source.lastEventId, "1");
});

test("a handler keeps its position among the listeners", async (t) => {
  const { url } = await serve(t, (request, response) => stream(response).write("data: a\n\n"));
  const source = new EventSource(url);
  const calls = [];
  source.onmessage = () => calls.push("replaced");
  source.addEventListener("message", () => calls.push("listener"));
  source.onmessage = function () {
    calls.push(this === source ? "handler" : "of another");
  };
  await message(source);
  source.onmessage = null;
  assert.equal(source.onmessage, null);
  source.dispatchEvent(new Event("message"));
  source.close();
  assert.deepEqual(calls, ["handler", "listener", "listener"]);
});

/** Returns the delays of all timers that are set from now on, until the end of the test. */
function timers(t) {
  const delays = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (callback, delay, ...rest) => {
    delays.push(delay);
    return setTimeout(callback, delay, ...rest);
  };
  t.after(() => (globalThis.setTimeout = setTimeout));
  return delays;
}

/** Starts a server for one test. Returns its requests, and a promise that resolves when a client has disconnected. */
async function serve(t, answer) {
  const requests = [];
  let leave;
  const left = new Promise((resolve) => (leave = resolve));
  const server = createServer(async (request, response) => {
    response.on("close", leave);
    const { method, headers } = request;
    const record = { method, headers, body: "" };
    const attempt = requests.push(record);
    try {
      for await (const chunk of request) {
        record.body += chunk;
      }
    } catch {
      // The client has closed its connection before the end of its request, as some tests make it do.
      return;
    }
    answer(request, response, attempt);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}/`, requests, left };
}

function stream(response) {
  return response.writeHead(200, { "Content-Type": "text/event-stream" });
}

async function message(source) {
  const [event] = await once(source, "message");
  return event;
}
