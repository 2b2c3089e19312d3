// The EventSource of the standard, without further options. `cargo xtask build-polyfill` wraps this file with
// wasm-bindgen's glue, `js/interface.js`, and the wasm itself in base 64.

wasm_bindgen.initSync({ module: Uint8Array.from(atob(WASM), (byte) => byte.charCodeAt(0)) });

const EventSource = createEventSource(
  (url, { withCredentials }, listener) =>
    wasm_bindgen.connect(url, { __proto__: null, withCredentials, isStandard: true }, listener),
  () => new Event("error"),
);
