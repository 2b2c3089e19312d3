// node mcp.mjs SERVER CUT v1|v2|stateless: checks a client of MCP for TypeScript. CUT is the server behind a proxy
// that cuts a connection after the second message of the tool `count`.
import * as v2 from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { CreateMessageRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { check, closed, equal, until } from "./check.mjs";

const [server, cut, name] = process.argv.slice(2);
const INFO = { name: "interop", version: "1" };
const CAPABILITIES = { capabilities: { sampling: {} } };
const ANSWER = { role: "assistant", content: { type: "text", text: "an answer" }, model: "none" };

const createV1 = () => {
  const client = new ClientV1(INFO, CAPABILITIES);
  client.setRequestHandler(CreateMessageRequestSchema, async () => ANSWER);
  return [client, TransportV1, (call, options) => client.callTool(call, undefined, options)];
};

const createV2 = (mode) => () => {
  const client = new v2.Client(INFO, { ...CAPABILITIES, versionNegotiation: { mode } });
  client.setRequestHandler("sampling/createMessage", async () => ANSWER);
  return [client, v2.StreamableHTTPClientTransport, (call, options) => client.callTool(call, options)];
};

// Connects, and calls the function with the client, a function that calls a tool, and the messages that were logged.
const connected = async (create, url, use) => {
  const [client, Transport, call] = create();
  const logged = [];
  const changes = [];
  client.fallbackNotificationHandler = async ({ method, params }) => {
    if (method === "notifications/message") logged.push(params.data);
    if (method === "notifications/tools/list_changed") changes.push(method);
  };
  const reconnectionOptions = {
    initialReconnectionDelay: 50, maxReconnectionDelay: 500, reconnectionDelayGrowFactor: 1.5, maxRetries: 5,
  };
  const transport = new Transport(new URL(`${url}/mcp`), { reconnectionOptions });
  await client.connect(transport);
  const tool = async (name, args = {}, options = {}) => {
    const { content, isError } = await call({ name, arguments: args }, options);
    return isError ? `error: ${content[0].text}` : content[0].text;
  };
  await use({ client, tool, logged, changes });
  await client.close();
};

const streams = (create) => ({
  streams: () =>
    connected(create, server, async ({ client, tool }) => {
      equal((await client.listTools()).tools.some(({ name }) => name === "count"), true);
      const progress = [];
      const onprogress = (step) => progress.push([step.progress, step.total]);
      equal(await tool("count", { to: 3 }, { onprogress }), "counted to 3");
      equal(progress, [[1, 3], [2, 3], [3, 3]]);
    }),
  "error in mid-stream": () =>
    connected(create, server, async ({ tool }) => {
      equal(await tool("test_error_handling"), "error: This tool intentionally returns an error for testing");
    }),
  cancels: async () => {
    await closed(server);
    await connected(create, server, async ({ tool }) => {
      const abort = new AbortController();
      let seen = 0;
      const onprogress = ({ progress }) => { seen = progress; };
      const call = tool("count", { to: 1_000_000 }, { signal: abort.signal, onprogress });
      call.catch(() => {});
      await until(() => seen >= 3);
      abort.abort();
      await call.then(() => { throw new Error("not cancelled"); }, () => {});
    });
    await closed(server);
  },
});

const sessions = (create) => ({
  "requests of the server": () =>
    connected(create, server, async ({ tool }) => {
      const answer = await tool("test_sampling", { prompt: "a prompt" });
      equal(answer.includes("an answer"), true);
    }),
  resumes: () =>
    connected(create, cut, async ({ tool }) => {
      const seen = [];
      const onprogress = ({ progress }) => seen.push(progress);
      equal(await tool("count", { to: 5 }, { onprogress }), "counted to 5");
      equal(seen, [1, 2, 3, 4, 5]);
    }),
  polls: () =>
    connected(create, server, async ({ tool, logged }) => {
      equal(await tool("test_reconnection"), "the client came back");
      equal(logged, ["before the connection is closed", "while the client is away"]);
    }),
  listens: () =>
    connected(create, server, async ({ tool, changes }) => {
      // The stream for changes is opened in the background.
      await until(async () => {
        await tool("add_tool");
        return changes.length > 0;
      });
    }),
});

const listens = (create) => ({
  listens: () =>
    connected(create, server, async ({ client, tool, changes }) => {
      const subscription = await client.listen({ toolsListChanged: true });
      await tool("add_tool");
      await until(() => changes.length > 0);
      await subscription.close();
    }),
});

const modern = createV2({ pin: "2026-07-28" });
const legacy = createV2("legacy");
const run = {
  v1: () => check("MCP 2025-11-25, TypeScript v1", "@modelcontextprotocol/sdk", { ...streams(createV1), ...sessions(createV1) }),
  v2: () => check("MCP 2025-11-25, TypeScript v2", "@modelcontextprotocol/client", { ...streams(legacy), ...sessions(legacy) }),
  stateless: () => check("MCP 2026-07-28, TypeScript v2", "@modelcontextprotocol/client", { ...streams(modern), ...listens(modern) }),
};
await run[name]();
process.exit();
