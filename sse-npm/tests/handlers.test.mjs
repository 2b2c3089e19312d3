// Tests of the package in a runtime that itself calls the `on…` of any `EventTarget`, like Cloudflare Workers.
// `cargo xtask test-npm` runs it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

const { dispatchEvent } = EventTarget.prototype;
EventTarget.prototype.dispatchEvent = function (event) {
  const handler = this[`on${event.type}`];
  if (typeof handler === "function") {
    handler.call(this, event);
  }
  return dispatchEvent.call(this, event);
};

const { EventSource } = await import("sse-npm");
const { EventSource: Standard } = await import("sse-npm/standard");

const BODY = "data: a\n\nevent: error\ndata: b\n\nevent: open\ndata: c\n\nevent: last\ndata: d\n\n";

test("handlers are called once", async () => {
  globalThis.fetch = async () => new Response(BODY, { headers: { "content-type": "text/event-stream" } });
  for (const [Class, ofStream] of [[EventSource, []], [Standard, ["error b", "open c"]]]) {
    const source = new Class("http://nowhere.invalid/");
    const calls = [];
    for (const type of ["open", "message", "error"]) {
      const handler = function (event) {
        assert.equal(this, source);
        calls.push(`${type} ${event.data}`);
      };
      source[`on${type}`] = () => assert.fail("a replaced handler was called");
      source[`on${type}`] = handler;
      assert.equal(source[`on${type}`], handler);
    }
    await once(source, "last");
    source.onmessage = null;
    source.dispatchEvent(new Event("message"));
    source.dispatchEvent(new Event("error"));
    source.close();
    assert.deepEqual(calls, ["open undefined", "message a", ...ofStream, "error undefined"]);
  }
});
