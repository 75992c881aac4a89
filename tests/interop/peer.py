"""A real Celery app and a real kombu, told by JSON lines what to do, answering each with one.

Values travel as pairs of a type and a text, so that neither side's JSON is what the other is measured by.
"""
import json
import socket
import sys
import traceback
import uuid
from datetime import date, datetime, time
from decimal import Decimal

import boto3
from celery import Celery
from kombu import Connection, Consumer, Exchange, Queue

endpoint = sys.argv[1]
url = "sqs://AKIDEXAMPLE:secret@" + endpoint.split("//")[1]
options = {
    "region": "us-east-1",
    "wait_time_seconds": 1,
    "polling_interval": 0.1,
    "supports_fanout": True,
    # By name: for all of them kombu asks for ALL, which moto does not know.
    "fetch_message_attributes": {
        "MessageSystemAttributeNames": ["MessageGroupId"],
        "MessageAttributeNames": ["flavour", "grams"],
    },
}
sqs = boto3.client(
    "sqs",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="secret",
)

READERS = {
    "none": lambda _: None,
    "bool": lambda text: text == "true",
    "int": int,
    "float": float,
    "text": str,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "decimal": Decimal,
    "uuid": uuid.UUID,
    "bytes": bytes.fromhex,
    "list": lambda items: [read(item) for item in items],
    "dict": lambda items: {key: read(item) for key, item in items},
}


def read(pair):
    return READERS[pair[0]](pair[1])


def write(value):
    if value is None:
        return ["none", ""]
    if isinstance(value, bool):
        return ["bool", "true" if value else "false"]
    if isinstance(value, int):
        return ["int", str(value)]
    if isinstance(value, float):
        return ["float", repr(value).replace("inf", "Infinity").replace("nan", "NaN")]
    if isinstance(value, str):
        return ["text", value]
    if isinstance(value, (datetime, date, time)):
        return [type(value).__name__, value.isoformat()]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, (list, tuple)):
        return ["list", [write(item) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[key, write(item)] for key, item in value.items()]]
    raise TypeError(f"no text for a {type(value).__name__}")


def connect(ask):
    return Connection(url, transport_options={**options, "sqs_base64_encoding": ask.get("base64", True)})


def bound(ask, channel=None):
    """The queues of a topology, bound as it says."""
    exchanges = {name: Exchange(name, type=kind) for name, kind in ask.get("exchanges", {}).items()}
    bindings = ask.get("bindings") or [[ask["queue"], "", ""]]
    return [
        Queue(queue, exchanges.get(exchange), routing_key=key, channel=channel)
        if exchange else Queue(queue, channel=channel)
        for queue, exchange, key in bindings
    ]


def celery(ask):
    """Sends tasks as a program does that uses Celery."""
    app = Celery("interop", broker=url)
    app.conf.broker_transport_options = {**options, "sqs_base64_encoding": ask["base64"]}
    sent = []
    for task in ask["tasks"]:
        extra = {name: read(pair) for name, pair in task.get("options", {}).items()}
        result = app.send_task(task["name"], read(task["args"]), read(task["kwargs"]), queue=ask["queue"], **extra)
        sent.append(result.id)
    app.close()
    return sent


def publish(ask):
    with connect(ask) as connection:
        channel = connection.channel()
        for queue in bound(ask, channel):
            queue.declare()
        producer = connection.Producer(channel=channel, serializer="json")
        for message in ask["messages"]:
            producer.publish(
                read(message["body"]),
                exchange=message.get("exchange", ""),
                routing_key=message.get("key", ask.get("queue", "")),
                **message.get("options", {}),
            )


def declare(ask):
    """Makes queues, exchanges and subscriptions; a fanout exchange is subscribed to by a consumer only."""
    with connect(ask) as connection:
        with connection.Consumer(bound(ask), callbacks=[lambda body, message: message.requeue()]):
            try:
                connection.drain_events(timeout=1)
            except socket.timeout:
                pass


def consume(ask):
    """Reads so many messages with a kombu consumer, and acks them."""
    found = []

    def on_message(message):
        info = dict(message.delivery_info)
        raw = info.pop("sqs_message")
        info.pop("sqs_queue")
        properties = {k: v for k, v in message.properties.items() if k not in ("delivery_info", "delivery_tag")}
        found.append({
            "body": write(message.decode()),
            "headers": write(message.headers),
            "properties": write(properties),
            "info": info,
            "contentType": message.content_type,
            "contentEncoding": message.content_encoding,
            "attributes": raw.get("Attributes", {}),
            "messageAttributes": raw.get("MessageAttributes", {}),
        })
        message.ack()

    with connect(ask) as connection:
        queues = bound(ask)
        accept = ["json", "text/plain", "application/data"]
        with Consumer(connection.channel(), queues, on_message=on_message, accept=accept):
            for _ in range(ask.get("patience", 30)):
                if len(found) >= ask["count"]:
                    break
                try:
                    connection.drain_events(timeout=1)
                except socket.timeout:
                    pass
    return found


def size(ask):
    found = sqs.get_queue_url(QueueName=ask["queue"])["QueueUrl"]
    counts = sqs.get_queue_attributes(QueueUrl=found, AttributeNames=["All"])["Attributes"]
    names = ["ApproximateNumberOfMessages" + kind for kind in ("", "NotVisible", "Delayed")]
    return [int(counts[name]) for name in names]


def names(ask):
    with Connection(url, transport_options={**options, "queue_name_prefix": ask["prefix"]}) as connection:
        channel = connection.channel()
        return [[channel.entity_name(name), channel.canonical_queue_name(name)] for name in ask["names"]]


VERBS = {verb.__name__: verb for verb in (celery, publish, declare, consume, size, names)}
for line in sys.stdin:
    ask = json.loads(line)
    try:
        answer = {"answer": VERBS[ask["do"]](ask)}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
