// node mercure.mjs SETUP: publishes updates with packages of npm to two hubs of Mercure, and prints what was published
// and what each subscriber received. A hub serves the current draft, the other one also earlier drafts.
import { EventSource } from "eventsource";
import mercure from "mercure";
import { EventSource as EventSourceOfUndici } from "undici";

const BOOK = "https://example.com/books/1";
const setup = JSON.parse(process.argv[2]);

// Returns the next events of a source, which has to be open.
const received = async (source, count) => {
  const events = [];
  await new Promise((resolve) => {
    for (const kind of ["message", "update"]) {
      source.addEventListener(kind, ({ type, data, lastEventId }) => {
        events.push({ type, data, lastEventId });
        if (events.length === count) resolve();
      });
    }
  });
  source.close();
  return events;
};

const opened = (source) => new Promise((resolve, reject) => {
  source.addEventListener("open", () => resolve());
  source.addEventListener("error", (error) => reject(error));
});

const query = (parameters) => `?${new URLSearchParams(parameters)}`;

// Publishes with the package and with `fetch`, to these subscribers.
const run = async ({ url, publisher }, sources) => {
  await Promise.all(Object.values(sources).map(opened));
  const all = Object.entries(sources).map(async ([name, source]) => [name, await received(source, 3)]);

  const { protocol, hostname, port, pathname } = new URL(url);
  const client = new mercure.Publisher({
    protocol: protocol.slice(0, -1), host: hostname, port: Number(port), path: pathname, jwt: publisher,
  });
  const options = { id: `urn:uuid:${crypto.randomUUID()}`, type: "update", retry: 3000 };
  const ids = [
    await client.publish([BOOK, "alternate"], "of the package", options),
    await client.publish(BOOK, "lines\nof it"),
  ];
  const body = new URLSearchParams({ topic: BOOK, data: "of fetch", private: "on" });
  const headers = { Authorization: `Bearer ${publisher}` };
  ids.push(await (await fetch(url, { method: "POST", headers, body })).text());
  const published = [
    { type: "update", data: "of the package", lastEventId: options.id },
    { type: "message", data: "lines\nof it", lastEventId: ids[1] },
    { type: "message", data: "of fetch", lastEventId: ids[2] },
  ];
  if (ids[0] !== options.id) throw new Error(`${ids}`);
  return { published, received: Object.fromEntries(await Promise.all(all)) };
};

// `eventsource` sends a header with a function of its user.
const withToken = (token) => ({
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
});

const { current, earlier } = setup;
const results = {
  current: await run(current, {
    eventsource: new EventSource(current.url + query({ match: BOOK }), withToken(current.subscriber)),
  }),
  earlier: await run(earlier, {
    eventsource: new EventSource(
      earlier.url + query({ topic: "https://example.com/books/{id}" }),
      withToken(earlier.subscriber),
    ),
    undici: new EventSourceOfUndici(earlier.url + query({ topic: "*", authorization: earlier.subscriber })),
  }),
};
console.log(JSON.stringify(results));
process.exit();
