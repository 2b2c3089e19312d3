"""python sources.py SERVER: checks httpx-sse with the stream `/golden` of a server."""

import asyncio
import json
import sys

import httpx
from check import check, equal, get
from httpx_sse import aconnect_sse

server = sys.argv[1]
GOLDEN = [
    ("1", "message", "hello"),
    ("2", "update", "line 1\nline 2"),
    ("3", "message", ""),
    ("4", "message", "€豆腐😀"),
    ("5", "message", " leading space kept"),
    ("6", "message", '{"a":"b: c"}'),
    ("7", "done", "bye"),
]


async def events(last_event_id=None):
    headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
    async with httpx.AsyncClient(trust_env=False) as client:
        async with aconnect_sse(client, "GET", f"{server}/golden", headers=headers) as source:
            return [(event.id, event.event, event.data) async for event in source.aiter_sse()]


async def streams():
    equal(await events(), GOLDEN)


async def resumes():
    # The package does not reconnect itself.
    equal(await events("3"), GOLDEN[3:])


async def active():
    return json.loads(await asyncio.to_thread(get, f"{server}/stats"))["active"]


async def cancels():
    seen = 0
    async with httpx.AsyncClient(trust_env=False) as client:
        async with aconnect_sse(client, "GET", f"{server}/live?n=1000000&ms=5") as source:
            async for _ in source.aiter_sse():
                seen += 1
                if seen == 3:
                    equal(await active(), 1)
                    break
    while await active():
        await asyncio.sleep(0.02)


asyncio.run(check("httpx-sse", "httpx-sse", {"streams": streams, "resumes": resumes, "cancels": cancels}))
