"use strict";

// From top to bottom: the hub, its endpoints, the parser of event streams, the subscriber, and the page.

/** Description of the hub by the server. A hub with the feature `mercure` has a `url` and the name of a `cookie`. */
const hub = JSON.parse(document.documentElement.dataset.hub);

if (hub.url) {
  hub.path = new URL(hub.url).pathname;
  hub.subscriptionsPath = `${hub.path}/subscriptions`;
}

// The endpoints of a protocol. Each function returns the URL and the options of a request for the values of a form.

/** Endpoints of a hub without Mercure. */
const events = {
  /** Types of the events that the hub sends itself. */
  hubTypes: ["closing", "denied", "lagged", "ping", "position", "reset"],

  subscribe({ topics, lastEventId, newest, token }) {
    const query = parameters({ topic: lines(topics), newest });
    return [`/events?${query}`, streamOptions(lastEventId, token)];
  },

  publish({ topics, type, data, token }) {
    const event = { topics: lines(topics), data, ...(type && { type }) };
    const headers = { "Content-Type": "application/json", ...authorization(token) };
    return ["/publish", { method: "POST", headers, body: JSON.stringify(event) }];
  },

  publishedId: async response => (await response.json()).id,
};

/** Endpoints of a hub with Mercure: https://mercure.rocks/spec */
const mercure = {
  hubTypes: ["mercure", "ping"],

  subscribe({ match, match_urlpattern, topic, lastEventId, token }) {
    const matchers = { match, match_urlpattern, topic };
    for (const name in matchers) {
      matchers[name] = lines(matchers[name]);
    }
    return [`${hub.path}?${parameters(matchers)}`, streamOptions(lastEventId, token)];
  },

  publish({ topics, data, token, ...others }) {
    const body = parameters({ topic: lines(topics), data: [data], ...others });
    return [hub.path, { method: "POST", headers: authorization(token), body }];
  },

  publishedId: response => response.text(),

  subscriptions({ token }) {
    return [hub.subscriptionsPath, { headers: authorization(token), cache: "no-store" }];
  },
};

const endpoints = hub.features.includes("mercure") ? mercure : events;

/** Returns the lines of a text area that are not empty. A field that was removed has no text. */
function lines(text = "") {
  return text.split("\n").map(line => line.trim()).filter(line => line !== "");
}

/** Returns parameters of a URL or a form: one for each value of a list, and one for each text that is not empty. */
function parameters(fields) {
  const list = value => (Array.isArray(value) ? value : [value].filter(Boolean));
  return new URLSearchParams(Object.entries(fields).flatMap(([name, value]) => list(value).map(one => [name, one])));
}

function streamOptions(lastEventId, token) {
  const headers = { Accept: "text/event-stream", ...authorization(token) };
  if (lastEventId) {
    headers["Last-Event-ID"] = toHeader(lastEventId);
  }
  return { headers, cache: "no-store" };
}

// The characters of a header are bytes: those of a text in UTF-8.
const toHeader = text => String.fromCharCode(...new TextEncoder().encode(text));
const fromHeader = value => new TextDecoder().decode(Uint8Array.from(value, byte => byte.charCodeAt()));

/** Returns the header with a token. Without a token, a browser sends the cookie of the hub. */
function authorization(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

/** Sends a request, and returns its response. The error for another status has the reason of the hub. */
async function send([url, options]) {
  const response = await fetch(url, options);
  if (!response.ok) {
    throw new Error(await refusal(response));
  }
  return response;
}

/** Returns the reason of a response with an error status. */
async function refusal(response) {
  return `Status ${response.status}: ${(await response.text()).trim()}`;
}

/** Yields the frames of a stream as text. A frame ends at a blank line, and the hub ends each line with LF. */
async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    yield* parts;
  }
}

/** Returns the fields of a frame. A frame of comments has only `comment`. */
function parse(frame) {
  const fields = {};
  for (const line of frame.split("\n")) {
    const [, name, value] = /^([^:]*):? ?([^]*)$/.exec(line);
    const field = name || "comment";
    const isList = field === "data" || field === "comment";
    fields[field] = isList && field in fields ? `${fields[field]}\n${value}` : value;
  }
  return fields;
}

/** Subscription that reconnects after the last event. */
class Subscriber {
  #controller = new AbortController();
  #retry = 2000;

  /** `show` has the functions `state(name, text, reason)` and `frame(fields, text)`. */
  constructor(options, show) {
    this.options = options;
    this.show = show;
  }

  stop() {
    this.#controller.abort();
    this.show.state("closed", "Stopped", "");
  }

  async run() {
    const { signal } = this.#controller;
    while (!signal.aborted) {
      let reason = "The hub ended the stream.";
      try {
        this.show.state("connecting", "Connecting…", "");
        const [url, options] = endpoints.subscribe(this.options);
        const response = await fetch(url, { ...options, signal });
        if (response.ok) {
          await this.#read(response);
        } else {
          reason = await refusal(response);
          if (response.status < 500) {
            this.show.state("failed", "Refused", reason);
            return;
          }
        }
      } catch (error) {
        reason = `${error.message}.`;
      }
      if (!signal.aborted) {
        const seconds = (this.#retry / 1000).toFixed(1);
        this.show.state("connecting", "Reconnecting…", `${reason} The next attempt is in ${seconds} s.`);
        await new Promise(resolve => setTimeout(resolve, this.#retry));
      }
    }
  }

  async #read(response) {
    // Only a hub with Mercure says where the stream begins.
    const start = response.headers.get("Mercure-Last-Event-ID");
    this.show.state("open", "Open", start === null ? "" : `Mercure-Last-Event-ID: ${fromHeader(start)}`);
    for await (const frame of frames(response.body)) {
      if (this.#controller.signal.aborted) {
        return;
      }
      const fields = parse(frame);
      if ("id" in fields) {
        this.options.lastEventId = fields.id;
      }
      if (/^\d+$/.test(fields.retry)) {
        this.#retry = Number(fields.retry);
      }
      this.show.frame(fields, frame);
    }
  }
}

// The page.

/** Maximum number of entries in a list. */
const MAX_ENTRIES = 1000;

const element = id => document.getElementById(id);

let subscriber;
let count = 0;

const page = {
  state(name, text, reason) {
    element("state").dataset.state = name;
    element("state").textContent = text;
    element("reason").textContent = reason;
    element("stop").disabled = name === "closed" || name === "failed";
  },

  frame(fields, text) {
    const isEvent = "data" in fields;
    const type = isEvent ? fields.event || "message" : Object.keys(fields).join(", ");
    const isQuiet = !isEvent || endpoints.hubTypes.includes(type);
    count += isQuiet ? 0 : 1;
    element("count").textContent = count;
    if ("id" in fields) {
      element("last-event-id").textContent = fields.id;
    }
    const time = new Date().toTimeString().slice(0, 8);
    const milliseconds = String(Date.now() % 1000).padStart(3, "0");
    const item = entry({
      time: `${time}.${milliseconds}`,
      type,
      id: fields.id ?? "",
      data: fields.data ?? fields.comment ?? "",
      frame: text,
    });
    item.classList.toggle("quiet", isQuiet);
    const log = element("log");
    log.prepend(item);
    if (log.children.length > MAX_ENTRIES) {
      log.lastChild.remove();
    }
  },

  /** Shows documents of the subscription API. */
  subscriptions(documents) {
    const shown = documents.slice(0, MAX_ENTRIES).map(({ match_type, match, subscriber, payload }) =>
      entry({ type: match_type, id: subscriber, data: match, payload: payload ? JSON.stringify(payload) : "" }),
    );
    element("subscriptions").replaceChildren(...shown);
    const rest = documents.length > MAX_ENTRIES ? `, the first ${MAX_ENTRIES} of them are shown` : "";
    page.result("listed", `${documents.length} active at ${new Date().toTimeString().slice(0, 8)}${rest}`, true);
  },

  /** Shows the result of a request. */
  result(id, text, isGood) {
    element(id).textContent = text;
    element(id).dataset.result = isGood ? "good" : "bad";
  },
};

/** Returns an entry of a list. Its parts are only text: a publisher may be a stranger. */
function entry(texts) {
  const item = document.createElement("li");
  for (const [name, value] of Object.entries(texts)) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = value;
    item.append(part);
  }
  return item;
}

const values = id => Object.fromEntries(new FormData(element(id)));

// Only what the hub has is left in the page.
for (const part of document.querySelectorAll("[data-feature]")) {
  if (!hub.features.includes(part.dataset.feature)) {
    part.remove();
  }
}
for (const place of document.querySelectorAll("[data-text]")) {
  place.textContent = hub[place.dataset.text];
}

element("subscribe").addEventListener("submit", event => {
  event.preventDefault();
  subscriber?.stop();
  subscriber = new Subscriber(values("subscribe"), page);
  subscriber.run();
});

element("stop").addEventListener("click", () => subscriber.stop());

element("publish").addEventListener("submit", async event => {
  event.preventDefault();
  try {
    const response = await send(endpoints.publish(values("publish")));
    page.result("published", `Published as ${await endpoints.publishedId(response)}`, true);
  } catch (error) {
    page.result("published", error.message, false);
  }
});

element("reload")?.addEventListener("click", async ({ target }) => {
  target.disabled = true;
  try {
    const response = await send(endpoints.subscriptions(values("subscribe")));
    page.subscriptions((await response.json()).subscriptions);
  } catch (error) {
    element("subscriptions").replaceChildren();
    page.result("listed", error.message, false);
  }
  target.disabled = false;
});

element("clear").addEventListener("click", () => element("log").replaceChildren());

for (const [id, name] of [["raw", "raw"], ["quiet", "with-quiet"]]) {
  const update = () => element("log").classList.toggle(name, element(id).checked);
  element(id).addEventListener("change", update);
  update();
}
