"""python mcp_client.py SERVER CUT: checks MCP's client for Python in both revisions. CUT is the server behind a proxy
that cuts a connection after the second message of the tool `count`."""

import asyncio
import sys

import mcp_types as types
from check import check, closed, equal, until
from mcp import Client

server, cut = sys.argv[1:]


async def sample(_context, _params):
    text = types.TextContent(type="text", text="an answer")
    return types.CreateMessageResult(role="assistant", content=text, model="none")


class Connection:
    """Client that is connected, with the progress and the messages that it has received."""

    def __init__(self, url, mode):
        self.progress, self.logged, self.changes = [], [], []
        self.client = Client(
            f"{url}/mcp",
            mode=mode,
            sampling_callback=sample if mode == "legacy" else None,
            logging_callback=self.log,
            message_handler=self.handle,
        )

    async def log(self, params):
        self.logged.append(params.data)

    async def handle(self, message):
        if isinstance(message, types.ToolListChangedNotification):
            self.changes.append(message)

    async def __aenter__(self):
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self.client.__aexit__(*error)

    async def tool(self, name, arguments=None):
        async def step(progress, _total, _message):
            self.progress.append(progress)

        result = await self.client.call_tool(name, arguments or {}, progress_callback=step)
        text = result.content[0].text
        return f"error: {text}" if result.is_error else text


def streams(mode):
    async def streams():
        async with Connection(server, mode) as connection:
            tools = await connection.client.list_tools()
            assert any(tool.name == "count" for tool in tools.tools)
            equal(await connection.tool("count", {"to": 3}), "counted to 3")
            equal(connection.progress, [1, 2, 3])

    async def fails():
        async with Connection(server, mode) as connection:
            text = await connection.tool("test_error_handling")
            equal(text, "error: This tool intentionally returns an error for testing")

    async def cancels():
        await closed(server)
        async with Connection(server, mode) as connection:
            call = asyncio.create_task(connection.tool("count", {"to": 1_000_000}))
            await until(lambda: len(connection.progress) >= 3)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            assert call.cancelled()
        await closed(server)

    return {"streams": streams, "error in mid-stream": fails, "cancels": cancels}


def sessions():
    async def requests():
        async with Connection(server, "legacy") as connection:
            answer = await connection.tool("test_sampling", {"prompt": "a prompt"})
            assert "an answer" in answer, answer

    async def resumes():
        async with Connection(cut, "legacy") as connection:
            equal(await connection.tool("count", {"to": 5}), "counted to 5")
            equal(connection.progress, [1, 2, 3, 4, 5])

    async def polls():
        async with Connection(server, "legacy") as connection:
            equal(await connection.tool("test_reconnection"), "the client came back")
            equal(connection.logged, ["before the connection is closed", "while the client is away"])

    async def listens():
        async with Connection(server, "legacy") as connection:
            # The stream for changes is opened in the background.
            while not connection.changes:
                await connection.tool("add_tool")
                await asyncio.sleep(0.02)

    return {"requests of the server": requests, "resumes": resumes, "polls": polls, "listens": listens}


async def listens():
    async with Connection(server, "2026-07-28") as connection:
        async with connection.client.listen(tools_list_changed=True) as changes:
            await connection.tool("add_tool")
            await anext(aiter(changes))


async def main():
    await check("MCP 2025-11-25, Python", "mcp", {**streams("legacy"), **sessions()})
    await check("MCP 2026-07-28, Python", "mcp", {**streams("2026-07-28"), "listens": listens})


asyncio.run(main())
