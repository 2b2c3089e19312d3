export * from "./index.js";

/**
 * Takes the wasm of the package, `sse-npm/sse_npm_bg.wasm`, as it was compiled before. Has to be called before there is
 * a source; a source without it closes at once, with the reason `fault`. Calling it again changes nothing.
 */
export function init(module: WebAssembly.Module): void;
