"""python read.py URL [LAST_EVENT_ID]: prints the events that httpx-sse receives, until the end of the stream."""

import json
import sys

import httpx
from httpx_sse import connect_sse

url, *last_event_id = sys.argv[1:]
headers = {"Last-Event-ID": last_event_id[0]} if last_event_id else {}
# Without a timeout, because the test that starts this script has one.
with httpx.Client(trust_env=False, timeout=None) as client:
    with connect_sse(client, "GET", url, headers=headers) as source:
        events = [
            {"type": event.event, "data": event.data, "lastEventId": event.id}
            for event in source.iter_sse()
        ]
print(json.dumps(events))
