// node mcp_server.mjs PORT: servers of MCP's SDK for TypeScript, for clients of ours. `/v1` and `/v2` have sessions
// and keep their events, `/stateless` is the revision 2026-07-28.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { NodeStreamableHTTPServerTransport, toNodeHandler } from "@modelcontextprotocol/node";
import { McpServer as ServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport as TransportV1 } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { createMcpHandler, McpServer as ServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Counts to a number. It closes the connection after the second step, if the SDK can.
const count = async (to, token, notify, close) => {
  for (let progress = 1; progress <= to; progress += 1) {
    await notify({ method: "notifications/progress", params: { progressToken: token, progress, total: to } });
    if (progress === 2) close?.();
    await sleep(50);
  }
  return { content: [{ type: "text", text: `counted to ${to}` }] };
};

const createV1 = () => {
  const server = new ServerV1({ name: "v1", version: "1" });
  for (const [name, polls] of [["count", false], ["poll", true]]) {
    server.registerTool(name, { inputSchema: { to: z.number() } }, async ({ to }, extra) =>
      count(to, extra._meta?.progressToken, extra.sendNotification, polls ? extra.closeSSEStream : undefined));
  }
  return server;
};

const createV2 = () => {
  const server = new ServerV2({ name: "v2", version: "1" });
  for (const [name, polls] of [["count", false], ["poll", true]]) {
    server.registerTool(name, { inputSchema: z.object({ to: z.number() }) }, async ({ to }, { mcpReq, http }) =>
      count(to, mcpReq._meta?.progressToken, (message) => mcpReq.notify(message), polls ? http?.closeSSE : undefined));
  }
  return server;
};

class Events {
  events = [];
  async storeEvent(stream, message) {
    return String(this.events.push({ stream, message }));
  }
  async getStreamIdForEventId(id) {
    return this.events[id - 1]?.stream;
  }
  async replayEventsAfter(id, { send }) {
    const { stream } = this.events[id - 1];
    for (const [index, event] of [...this.events].entries()) {
      // An event without a message has only an ID.
      if (index >= id && event.stream === stream && "jsonrpc" in event.message) {
        await send(String(index + 1), event.message);
      }
    }
    return stream;
  }
}

// Returns a handler with a transport for each session.
const sessions = (create, Transport) => {
  const transports = new Map();
  return async (request, response) => {
    let transport = transports.get(request.headers["mcp-session-id"]);
    if (!transport) {
      transport = new Transport({
        sessionIdGenerator: randomUUID,
        eventStore: new Events(),
        retryInterval: 100,
        onsessioninitialized: (id) => transports.set(id, transport),
      });
      await create().connect(transport);
    }
    await transport.handleRequest(request, response);
  };
};

const handlers = {
  "/v1": sessions(createV1, TransportV1),
  "/v2": sessions(createV2, NodeStreamableHTTPServerTransport),
  "/stateless": toNodeHandler(createMcpHandler(createV2)),
};
createServer((request, response) => handlers[request.url](request, response)).listen(process.argv[2], "127.0.0.1");
