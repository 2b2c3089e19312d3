"""python mcp_server.py PORT: server of MCP's SDK for Python in both revisions, for clients of ours."""

import asyncio
import sys

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.streamable_http import EventMessage, EventStore

server = MCPServer("interop")


async def steps(to, context, close):
    for step in range(1, to + 1):
        await context.report_progress(step, to)
        if close and step == 2:
            await context.close_sse_stream()
        await asyncio.sleep(0.05)
    return f"counted to {to}"


@server.tool()
async def count(to: int, context: Context) -> str:
    return await steps(to, context, close=False)


@server.tool()
async def poll(to: int, context: Context) -> str:
    return await steps(to, context, close=True)


class Events(EventStore):
    def __init__(self):
        self.events = []

    async def store_event(self, stream_id, message):
        self.events.append((stream_id, message))
        return str(len(self.events))

    async def replay_events_after(self, last_event_id, send_callback):
        index = int(last_event_id)
        stream = self.events[index - 1][0]
        for number, (stream_id, message) in enumerate(self.events[index:], index + 1):
            if stream_id == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


server.run("streamable-http", port=int(sys.argv[1]), event_store=Events(), retry_interval=100)
