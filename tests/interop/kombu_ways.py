"""Asks kombu itself what docs/kombu.md says of it, with moto in this process, and prints the answers as JSON."""

import json
import os
import socket
import warnings

warnings.simplefilter("ignore")
os.environ.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="example", AWS_DEFAULT_REGION="us-east-1")

import boto3
import kombu
from importlib.metadata import requires
from kombu import Connection, Consumer, Exchange, Producer, Queue
from moto import mock_aws

answers = {"version": kombu.__version__}


def settled(sqs, requeue, headers, **entry):
    """What reject() asks of SQS, and what it raises, for the first receive of a message of a predefined queue."""
    url = sqs.create_queue(QueueName="my-q")["QueueUrl"]
    options = {"wait_time_seconds": 7, "predefined_queues": {"my-q": {"url": url, **entry}}}
    connection = Connection("sqs://", transport_options=options)
    channel = connection.channel()
    events = channel.sqs("my-q").meta.events
    asked = []
    note = lambda params, **_: asked.append(params["VisibilityTimeout"])
    events.register("before-parameter-build.sqs.ChangeMessageVisibility", note)
    events.register("before-parameter-build.sqs.DeleteMessage", lambda **_: asked.append("delete"))
    Producer(channel).publish("x", routing_key="my-q", headers=headers)
    got = []
    with Consumer(channel, [Queue("my-q")], callbacks=[lambda body, message: got.append(message)]):
        while not got:
            try:
                connection.drain_events(timeout=1)
            except socket.timeout:
                pass
        try:
            got[0].reject(requeue=requeue)
        except KeyError as error:
            asked.append(f"KeyError {error}")
    sqs.delete_queue(QueueUrl=url)
    return asked


with mock_aws():
    sqs = boto3.client("sqs")
    task = {"task": "app.add"}
    policy = {"backoff_policy": {1: 10, 2: 20}, "backoff_tasks": ["app.add"]}
    answers["reject"] = {
        "backoff": settled(sqs, False, task, **policy),
        "another task": settled(sqs, False, {"task": "app.mul"}, **policy),
        "no task": settled(sqs, False, {}, **policy),
        "backoff, requeue": settled(sqs, True, task, **policy),
        "no backoff": settled(sqs, False, task),
        "no backoff, requeue": settled(sqs, True, task),
    }

    url = sqs.create_queue(QueueName="keys")["QueueUrl"]
    entry = {"url": url, "access_key_id": "own", "session_token": "token"}
    channel = Connection("sqs://USER:PASSWORD@", transport_options={"predefined_queues": {"keys": entry}}).channel()
    keys = channel.sqs("keys")._request_signer._credentials
    answers["keys"] = [keys.access_key, keys.secret_key, keys.token]

    channel = Connection("sqs://", transport_options={"wait_time_seconds": 0}).channel()
    Queue("made").bind(channel).declare()
    url = sqs.get_queue_url(QueueName="made")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    answers["VisibilityTimeout"] = attributes["VisibilityTimeout"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    answers["purged"] = channel._purge("made")
    channel._noack_queues.add("made")
    channel._delete_message = lambda *_: None
    answers["no_ack"] = channel._message_to_python({"Body": "plain", "ReceiptHandle": "r"}, "made", url)

connection = Connection("memory://", transport_options={"deadletter_queue": "lost"})
channel = connection.channel()
answers["unroutable"] = {}
for kind in ("direct", "topic"):
    Queue(f"q-{kind}", Exchange(f"e-{kind}", kind), routing_key="a").bind(channel).declare()
    lost = Queue("lost").bind(channel)
    lost.declare()
    Producer(channel).publish("x", exchange=f"e-{kind}", routing_key="nowhere")
    message = lost.get()
    answers["unroutable"][kind] = message.payload if message else None
Producer(channel).publish("x", exchange="never declared", routing_key="a")
topic = channel.typeof("e-topic")
pairs = [("#", "a"), ("a.#", "a"), ("#.a", "a"), ("a.#", "a.b"), ("*.b", ".b")]
answers["topic"] = {f"{p} {key}": bool(topic._match(topic.key_to_pattern(p), key)) for p, key in pairs}

answers["extended client"] = any("extended" in line for line in requires("kombu"))
print(json.dumps(answers))
