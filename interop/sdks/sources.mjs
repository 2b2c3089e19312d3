// node sources.mjs SERVER CUT PACKAGE: checks a client that has the interface of the browser's EventSource, or a parser, with
// the stream `/golden` of a server. CUT is the server behind a proxy that cuts a connection after the third event.
import { EventSource } from "eventsource";
import { createParser } from "eventsource-parser";
import LaunchDarkly from "launchdarkly-eventsource";
import { EventSource as EventSourceOfUndici } from "undici";
import { check, equal, until } from "./check.mjs";

const [server, cut, name] = process.argv.slice(2);
const GOLDEN = [
  ["1", "message", "hello"],
  ["2", "update", "line 1\nline 2"],
  ["3", "message", ""],
  ["4", "message", "€豆腐😀"],
  ["5", "message", " leading space kept"],
  ["6", "message", '{"a":"b: c"}'],
  ["7", "done", "bye"],
];

// Returns the events of a source, up to the last one.
const golden = async (source) => {
  const events = [];
  for (const name of ["message", "update", "done"]) {
    source.addEventListener(name, ({ type, data, lastEventId }) => events.push([lastEventId, type, data]));
  }
  await until(() => events.at(-1)?.[1] === "done");
  source.close();
  return events;
};

const source = (Source) => ({
  streams: async () => equal(await golden(new Source(`${server}/golden`)), GOLDEN),
  resumes: async () => equal(await golden(new Source(`${cut}/golden`)), GOLDEN),
  cancels: async () => {
    const active = async () => (await (await fetch(`${server}/stats`)).json()).active;
    const live = new Source(`${server}/live?n=1000000&ms=5`);
    let seen = 0;
    live.addEventListener("message", () => { seen += 1; });
    await until(() => seen >= 3);
    equal(await active(), 1);
    live.close();
    await until(async () => (await active()) === 0);
  },
});

const parser = {
  streams: async () => {
    const events = [];
    const onEvent = ({ id, event, data }) => events.push([id, event ?? "message", data]);
    const parser = createParser({ onEvent });
    const decoder = new TextDecoder();
    const response = await fetch(`${server}/golden`);
    for await (const chunk of response.body) parser.feed(decoder.decode(chunk, { stream: true }));
    equal(events, GOLDEN);
  },
};

const clients = {
  eventsource: source(EventSource),
  undici: source(EventSourceOfUndici),
  "launchdarkly-eventsource": source(LaunchDarkly.EventSource),
  "eventsource-parser": parser,
};
await check(name, name, clients[name]);
process.exit();
