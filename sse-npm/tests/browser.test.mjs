// Tests of the package in a page of a real browser. The tests take its network away, and leave, restore and hide the
// page. `cargo xtask test-npm` starts the WebDriver of the browser.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";

const { WEBDRIVER, WEBDRIVER_CAPABILITIES } = process.env;

const PAGE = `<!doctype html><script type="module">
  import { EventSource } from "/sse-npm/index.js";
  addEventListener("pageshow", ({ persisted }) => (window.isRestored = persisted));
  // A delay that never passes during a test.
  const hour = 3_600_000;
  window.follow = (init) => {
    window.log = [];
    const source = new EventSource("/events", { retry: { reconnectionTime: hour, minDelay: hour, maxDelay: hour }, ...init });
    source.onmessage = ({ data }) => log.push(data);
    source.onerror = ({ reason }) => log.push(reason);
    window.source = source;
  };
  window.isReady = true;
</script>`;

const TYPES = { js: "text/javascript", wasm: "application/wasm" };

const server = createServer(serve);
let origin, session, requests, browser;

before(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  origin = `http://127.0.0.1:${server.address().port}`;
  const alwaysMatch = JSON.parse(WEBDRIVER_CAPABILITIES);
  const { sessionId, capabilities } = await command("POST", "", { capabilities: { alwaysMatch } });
  session = sessionId;
  browser = capabilities.browserName;
});

after(async () => {
  await command("DELETE", "");
  server.closeAllConnections();
  server.close();
});

test("it resumes at once when the network is back", async (t) => {
  if (browser === "firefox") {
    return t.skip("the driver of Firefox cannot take the network away");
  }
  await open();
  await run("follow()");
  await until("log.includes('1')");
  await setOffline(true);
  await until("!navigator.onLine");
  await setOffline(false);
  await until("log.includes('2')");
  assert.equal(requests.at(-1).headers["last-event-id"], "1");
  await run("source.close()");
});

test("it resumes at once when the page is restored", async (t) => {
  await open();
  await run("follow()");
  await until("log.includes('1')");
  await command("POST", "/url", { url: `${origin}/another` });
  await command("POST", "/back", {});
  await until("isReady");
  if (browser === "firefox") {
    assert.equal(await run("return isRestored"), false);
    return t.skip("Firefox reloads a page with an open request");
  }
  assert.equal(await run("return isRestored"), true);
  await until("log.includes('2')");
  assert.deepEqual(await run("return log"), ["1", "requested", "2"]);
  assert.equal(requests.at(-1).headers["last-event-id"], "1");
});

test("pauseWhenHidden pauses, and a source closes at once in a hidden page", async () => {
  await open();
  await run(`
    follow({ pauseWhenHidden: true });
    document.onvisibilitychange = () => {
      if (document.hidden) dispatchEvent(new Event("online"));
    };`);
  await until("log.includes('1')");
  await hidden(async () => {
    while (!requests[0].destroyed) {
      await pause();
    }
    await pause(100);
    assert.equal(requests.length, 1);
  });
  await until("log.includes('2')");

  await run(`
    document.onvisibilitychange = () => document.hidden && setTimeout(() => source.close(), 50);
    (async () => {
      for await (const event of source);
      window.isHiddenAtEnd = document.hidden;
    })();`);
  await hidden(() => pause(200));
  await until("'isHiddenAtEnd' in window");
  assert.equal(await run("return isHiddenAtEnd"), true);
  assert.equal(requests.length, 2);
});

test("a request that is sent once is not repeated when the network is back", async () => {
  await open();
  await run("follow({ method: 'POST' })");
  await until("log.includes('1')");
  await run("dispatchEvent(new Event('online'))");
  await pause(100);
  assert.deepEqual(await run("return log"), ["1"]);
  assert.equal(requests.length, 1);
});

/** Loads the page again. */
async function open() {
  requests = [];
  await command("POST", "/url", { url: `${origin}/` });
  await until("window.isReady");
}

/** Shows another tab while `wait` runs. */
async function hidden(wait) {
  const page = await command("GET", "/window");
  const { handle } = await command("POST", "/window/new", { type: "tab" });
  await command("POST", "/window", { handle });
  await wait();
  await command("DELETE", "/window");
  await command("POST", "/window", { handle: page });
}

function pause(milliseconds = 20) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function setOffline(offline) {
  const network_conditions = { offline, latency: 0, throughput: -1 };
  return command("POST", "/chromium/network_conditions", { network_conditions });
}

/** Waits until a condition is true in the page. */
async function until(condition) {
  while (!(await run(`return Boolean(${condition})`))) {
    await pause();
  }
}

function run(script) {
  return command("POST", "/execute/sync", { script, args: [] });
}

async function command(method, path, body) {
  const url = `${WEBDRIVER}/session${session ? `/${session}` : ""}${path}`;
  const response = await fetch(url, {
    method,
    headers: { "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const { value } = await response.json();
  assert(response.ok, JSON.stringify(value));
  return value;
}

async function serve(request, response) {
  const { pathname } = new URL(request.url, origin);
  if (pathname === "/events") {
    requests.push(request);
    const number = requests.length;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`id: ${number}\ndata: ${number}\n\n`);
    return;
  }
  if (pathname.startsWith("/sse-npm/")) {
    const file = await readFile(`node_modules${pathname}`);
    response.writeHead(200, { "content-type": TYPES[pathname.split(".").at(-1)] }).end(file);
    return;
  }
  response.writeHead(200, { "content-type": "text/html" }).end(pathname === "/" ? PAGE : "another");
}
