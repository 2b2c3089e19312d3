"""python read.py URL [LAST_EVENT_ID]: what httpx-sse sees, until the end of the stream."""

import json
import sys

import httpx
from httpx_sse import connect_sse

url, *last_event_id = sys.argv[1:]
headers = {"Last-Event-ID": last_event_id[0]} if last_event_id else {}
# Whoever starts this has a limit of its own.
with httpx.Client(trust_env=False, timeout=None) as client:
    with connect_sse(client, "GET", url, headers=headers) as source:
        events = [
            {"type": event.event, "data": event.data, "lastEventId": event.id}
            for event in source.iter_sse()
        ]
print(json.dumps(events))
