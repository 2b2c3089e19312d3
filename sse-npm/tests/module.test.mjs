// Tests of the package in a runtime that cannot compile wasm. `cargo xtask test-npm` runs them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { ConnectionErrorEvent, EventSource, init } from "sse-npm/module";

const URL = "http://nowhere.invalid/";
const fetch = async () =>
  new Response("data: there\n\n", { headers: { "content-type": "text/event-stream" } });

test("it uses precompiled wasm, and compiles none", async () => {
  const early = new EventSource(URL, { fetch });
  const [error] = await once(early, "error");
  assert(error instanceof ConnectionErrorEvent);
  assert.equal(early.readyState, EventSource.CLOSED);
  assert.match(error.message, /init was not called/);

  const bytes = await readFile(fileURLToPath(import.meta.resolve("sse-npm/sse_npm_bg.wasm")));
  const module = await WebAssembly.compile(bytes);
  const { Module } = WebAssembly;
  // Node's own `fetch` may still compile its wasm.
  const forbidden = (compile) =>
    function (source, ...rest) {
      const isOther = ArrayBuffer.isView(source) && source.byteLength !== bytes.byteLength;
      if (isOther || source instanceof Module) {
        return compile.call(this, source, ...rest);
      }
      throw new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
    };
  for (const name of ["compile", "compileStreaming", "instantiate", "instantiateStreaming"]) {
    WebAssembly[name] = forbidden(WebAssembly[name]);
  }
  WebAssembly.Module = forbidden(Module);
  Object.defineProperty(WebAssembly.Module, Symbol.hasInstance, {
    value: (value) => value instanceof Module,
  });
  for (const wrong of [bytes, undefined, null, {}, Promise.resolve(module)]) {
    assert.throws(() => init(wrong), TypeError);
  }
  init(module);
  init(module);
  const source = new EventSource(URL, { fetch });
  const [event] = await once(source, "message");
  source.close();
  assert.equal(event.data, "there");
});
