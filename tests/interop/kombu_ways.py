"""Asks kombu itself what docs/kombu.md says of it, with moto in this process, and prints the answers as JSON."""

import json
import logging
import os
import socket
import warnings
from contextlib import contextmanager

warnings.simplefilter("ignore")
os.environ.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="example", AWS_DEFAULT_REGION="us-east-1")

import boto3
import kombu
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from importlib.metadata import requires
from kombu import Connection, Consumer, Exchange, Producer, Queue
from moto import mock_aws

logging.disable()
answers = {"version": kombu.__version__}


@contextmanager
def asked(*names):
    """What is asked of AWS meanwhile: the actions, or these parameters of theirs."""
    calls, ask = [], BaseClient._make_api_call

    def note(client, action, params):
        calls.append([params.get(name) for name in names] if names else action)
        return ask(client, action, params)

    BaseClient._make_api_call = note
    try:
        yield calls
    finally:
        BaseClient._make_api_call = ask


def acked(channel, code):
    """What becomes of a delivery whose ack is refused with a code."""

    class Refusing:
        def delete_message(self, **_):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "DeleteMessage")

    outcome = []
    message = Queue("acks").bind(channel).get()
    channel.sqs = lambda **_: Refusing()
    settle = channel.qos.ack, channel.qos.reject
    channel.qos.ack = lambda tag: outcome.append("ack") or settle[0](tag)
    channel.qos.reject = lambda tag, requeue=False: outcome.append("reject") or settle[1](tag, requeue)
    try:
        message.ack()
    except Exception as error:
        outcome.append(type(error).__name__)
    del channel.sqs, channel.qos.ack, channel.qos.reject
    return outcome


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

    entry = {"url": "https://sqs.eu-west-1.amazonaws.com/123456789012/far"}
    client = Connection("sqs://", transport_options={"predefined_queues": {"far": entry}}).channel().sqs("far")
    client.meta.events.register("before-sign.sqs", lambda request, **_: answers.update(host=request.url))
    try:
        client.send_message(QueueUrl=entry["url"], MessageBody="x")
    except ClientError:
        pass

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

    def read(body, **envelope):
        """What a consumer is handed of a body, or of an envelope."""
        text = json.dumps({"body": body, "properties": {}, **envelope}) if envelope else body
        payload = channel._message_to_python({"Body": text, "ReceiptHandle": "r"}, "read", url)
        try:
            return repr(channel.message_to_python(payload).decode())
        except Exception as error:
            return type(error).__name__

    notification = json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": "x"})
    answers["read"] = {
        "a notification is its JSON": read(notification) == repr(notification),
        "__type__": read('{"__type__": "point", "__value__": 1}', **{"content-type": "application/json"}),
        "image/jpeg": read("x", **{"content-type": "image/jpeg"}),
        "yaml": read("x", **{"content-type": "application/x-yaml"}),
    }

    with asked() as calls:
        channel = Connection("sqs://").channel()
    answers["asked"] = {"start": list(calls)}
    for verb in (channel._size, channel._purge):
        with asked() as calls:
            verb(f"typo{verb.__name__}")
        answers["asked"][verb.__name__] = "CreateQueue" in calls

    for name in ("one", "two"):
        Queue(name, Exchange("e"), routing_key="k").bind(channel).declare()
    with asked("MessageAttributes") as calls:
        attributes = {"a": {"DataType": "Number", "StringValue": "1"}}
        Producer(channel).publish("x", exchange="e", routing_key="k", message_attributes=attributes)
    answers["message_attributes"] = sorted(bool(attributes) for (attributes,) in calls)
    with asked("DelaySeconds") as calls:
        for delay in (-1, "x", 5000, 2.7, 0):
            Producer(channel).publish("x", routing_key="one", delay_seconds=delay)
    answers["delays"] = [delay for (delay,) in calls]

    Queue("acks").bind(channel).declare()
    answers["ack"] = {}
    for code in ("ReceiptHandleIsInvalid", "AccessDenied", "InternalError"):
        Producer(channel).publish("x", routing_key="acks")
        answers["ack"][code] = acked(channel, code)

    predefined = lambda name: Connection("sqs://", transport_options={"predefined_queues": {name: {"url": url}}}).channel()
    with asked() as calls:
        predefined("my-q")._delete("my-q")
    answers["predefined"] = {"deleted": list(calls), "canonical": predefined("my-q")._resolve_queue_url("my.q") == url}
    try:
        predefined("my.q")._resolve_queue_url("my.q")
    except Exception as error:
        answers["predefined"]["literal"] = type(error).__name__
    plain = Connection("sqs://", transport_options={"fetch_message_attributes": "All", "not an option": 1}).channel()
    answers["fetch_message_attributes"] = plain.get_message_attributes["MessageAttributeNames"]

    Queue("silent", Exchange("news", "fanout")).bind(channel).declare()
    with asked() as calls:
        Producer(channel).publish("x", exchange="news")
    answers["fanout"] = {"without supports_fanout": list(calls)}
    fanouts = [Exchange(name, "fanout") for name in ("news", "olds")]
    sns = boto3.client("sns")
    topics = lambda: sorted(each["TopicArn"].split(":")[-1] for each in sns.list_subscriptions()["Subscriptions"])
    policy = lambda: json.loads(
        sqs.get_queue_attributes(QueueUrl=fan, AttributeNames=["Policy"])["Attributes"]["Policy"]
    )["Statement"]
    channel = Connection("sqs://", transport_options={"supports_fanout": True}).channel()
    for fanout in fanouts:
        Queue("fan", fanout).bind(channel).declare()
    answers["fanout"]["bound"] = topics()
    Consumer(channel, [Queue("fan", fanout) for fanout in fanouts]).consume()
    consumed = topics()  # of the two, whichever a set of Python's gives first
    answers["fanout"]["consumed"] = len(consumed)
    fan = sqs.get_queue_url(QueueName="fan")["QueueUrl"]
    # As another process would that knows the other exchange alone.
    other = next(fanout.name for fanout in fanouts if fanout.name not in consumed)
    channel.fanout.subscriptions.subscribe_queue("fan", other)
    answers["fanout"]["statements"] = [
        [each["Sid"], each["Condition"]["ArnLike"]["aws:SourceArn"].endswith(other)] for each in policy()
    ]
    with asked("MessageAttributes") as calls:
        Producer(channel).publish("x", exchange="news", message_attributes=attributes)
    answers["fanout"]["attributes"] = calls[0][0]["a"]["DataType"]

    os.environ["AWS_REGION"] = "eu-west-1"
    del os.environ["AWS_DEFAULT_REGION"]
    answers["region"] = Connection("sqs://").channel().region

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
answers["undeclared"] = Queue("lost").bind(channel).get().payload
Producer(Connection("memory://").channel()).publish("x", exchange="never declared", routing_key="a")
topic = channel.typeof("e-topic")
pairs = [("#", "a"), ("a.#", "a"), ("#.a", "a"), ("a.#", "a.b"), ("*.b", ".b")]
answers["topic"] = {f"{p} {key}": bool(topic._match(topic.key_to_pattern(p), key)) for p, key in pairs}

answers["extended client"] = any("extended" in line for line in requires("kombu"))
print(json.dumps(answers))
