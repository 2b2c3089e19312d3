"""python mercure.py SETUP: publishes updates with packages of PyPI to two hubs of Mercure, and prints what was
published and what each subscriber received. A hub serves the current draft, the other one also earlier drafts."""

import json
import queue
import sys
from contextlib import ExitStack
from itertools import islice

import httpx
from flask import Flask, Response
from flask_mercure_sse import MercureSSE
from httpx_sse import connect_sse
from mercure_publisher import MercureConfig, MercurePublisher
from pymercure.consumer import Consumer
from pymercure.message import Message
from pymercure.publisher.sync import SyncPublisher

BOOK = "https://example.com/books/1"
BOOKS = "https://example.com/books/{id}"

setup = json.loads(sys.argv[1])
secret = setup["secret"]


def event(kind, data, last_event_id):
    return {"type": kind, "data": data, "lastEventId": last_event_id}


def subscribe(stack, url, **options):
    """Subscribes with httpx-sse. The stream is open when the function returns."""
    source = stack.enter_context(connect_sse(httpx.Client(timeout=None), "GET", url, **options))
    source.response.raise_for_status()
    return source


def received(source, count):
    return [event(each.event, each.data, each.id) for each in islice(source.iter_sse(), count)]


def flask(hub):
    """Returns the extension of Flask, in an application."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY=secret, MERCURE_HUB_URL=hub["url"], MERCURE_PUBLISHER_JWT=hub["publisher"])
    return MercureSSE(app)


def pymercure(hub, private_of_flask):
    """Publishes an update with pymercure, and one with flask-mercure-sse."""
    publisher = SyncPublisher(hub["url"], hub["publisher"])
    message = Message([BOOK, "alternate"], "of pymercure", message_id=f"urn:{hub['url']}", event_type="update")
    first = publisher.publish(message)
    assert first == message.message_id, first
    second = flask(hub).publish(BOOK, {"of": "flask"}, private=private_of_flask, retry=3000)
    return [event("update", "of pymercure", first), event("message", '{"of": "flask"}', second)]


def current(hub):
    with ExitStack() as stack:
        headers = {"Authorization": f"Bearer {hub['subscriber']}"}
        source = subscribe(stack, hub["url"], params={"match": BOOK}, headers=headers)
        published = pymercure(hub, private_of_flask=True)
        return {"published": published, "received": {"httpx-sse": received(source, len(published))}}


def earlier(hub):
    """Publishes also with mercure-publisher, which signs its tokens. They have only the claim of earlier drafts."""
    with ExitStack() as stack:
        headers = {"Authorization": f"Bearer {hub['subscriber']}"}
        extension = flask(hub)
        response = extension.set_authz_cookie(Response(), [BOOKS])
        cookie = response.headers["Set-Cookie"].split(";")[0]
        sources = {
            "httpx-sse": subscribe(stack, hub["url"], params={"topic": BOOKS}, headers=headers),
            "URL of flask-mercure-sse": subscribe(stack, extension.authentified_hub_url([BOOK])),
            "cookie of flask-mercure-sse": subscribe(stack, extension.hub_url([BOOK]), headers={"Cookie": cookie}),
        }
        # The consumer of pymercure sends no token.
        consumed = queue.Queue()
        consumer = Consumer(hub["url"], ["other", BOOK], consumed.put)
        consumer.daemon = True
        consumer.start_consumption()

        published = pymercure(hub, private_of_flask=False)
        config = MercureConfig(hub_url=hub["url"], publisher_jwt_key=secret, publish_topics=[BOOKS, "alternate"])
        with MercurePublisher(config) as publisher:
            options = {"id": "urn:of:mercure-publisher", "type": "update", "retry": 3000}
            last = publisher.publish([BOOK, "alternate"], {"status": "lent"}, **options)
            published.append(event("update", '{"status": "lent"}', last))
            public = [consumed.get() for _ in published]
            private = publisher.publish(BOOK, "private", private=True)
            published.append(event("message", "private", private))
            end = publisher.publish(BOOK, "end")
        public += [consumed.get()]
        seen = [event(each.event_type, each.data, each.message_id) for each in public]
        assert seen == published[:-1] + [event("message", "end", end)], seen
        all_received = {name: received(source, len(published)) for name, source in sources.items()}
        return {"published": published, "received": all_received}


print(json.dumps({"current": current(setup["current"]), "earlier": earlier(setup["earlier"])}))
