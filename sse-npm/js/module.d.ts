export * from "./index.js";

/**
 * Sets the wasm of the package, `sse-npm/sse_npm_bg.wasm`, as a compiled module.
 *
 * Call it before you create a source. A source that is created before closes at once, with the reason `exception`. A second
 * call has no effect.
 */
export function init(module: WebAssembly.Module): void;
