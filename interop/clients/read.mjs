// node read.mjs PACKAGE URL: prints the events that the EventSource of this package receives, until an event "done".
const [name, url] = process.argv.slice(2);
const { EventSource } = await import(name);

// The reconnection timer of undici does not keep node running.
const running = setInterval(() => {}, 1000);
const source = new EventSource(url);
const events = [];
for (const kind of ["message", "update", "done"]) {
  source.addEventListener(kind, ({ type, data, lastEventId }) => {
    events.push({ type, data, lastEventId });
    if (type === "done") {
      source.close();
      clearInterval(running);
      console.log(JSON.stringify(events));
    }
  });
}
source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) {
    console.error(`${name} gave up after ${JSON.stringify(events)}`);
    process.exit(1);
  }
});
