"""Checks features of an SDK, and prints a line of JSON for each."""

import asyncio
import json
import traceback
import urllib.request
from importlib.metadata import version

LIMIT_SECONDS = 20


async def check(sdk, package, features):
    """Runs the coroutine function of each feature. A feature works if it returns without an exception, in time."""
    for feature, run in features.items():
        error = None
        try:
            await asyncio.wait_for(run(), LIMIT_SECONDS)
        except BaseException:  # Cancellation is an error of the SDK here.
            error = traceback.format_exc()
        line = {"sdk": sdk, "version": version(package), "feature": feature, "error": error}
        print(json.dumps(line), flush=True)


async def until(condition):
    """Calls the function until it returns true."""
    while not condition():
        await asyncio.sleep(0.02)


def get(url):
    with urllib.request.urlopen(url) as response:
        return response.read().decode()


async def closed(server):
    """Waits until the server has no open stream any more."""
    while await asyncio.to_thread(get, f"{server}/streams") != "0":
        await asyncio.sleep(0.02)


def equal(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"
