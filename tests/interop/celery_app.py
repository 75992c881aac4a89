"""A Celery app on moto: its worker's tasks, and a peer that does what one JSON line after another tells it."""
import base64
import json
import os
import sys
import time
from collections import defaultdict
from unittest.mock import Mock

from celery import Celery, chain, chord, signature

endpoint = os.environ["MOTO_ENDPOINT"]
name = os.environ["CELERY_INTEROP"]
os.environ.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", AWS_DEFAULT_REGION="eu-west-1")
polling = {"polling_interval": 0.1, "wait_time_seconds": 1}
if "CELERY_POLLING_INTERVAL" in os.environ:
    polling = {"polling_interval": float(os.environ["CELERY_POLLING_INTERVAL"]), "wait_time_seconds": 0}
app = Celery("interop", broker="sqs://AKIDEXAMPLE:secret@" + endpoint.split("//")[1] + "//", backend="s3")
app.conf.update(
    broker_transport_options={"region": "eu-west-1", **polling},
    broker_connection_retry_on_startup=True,
    s3_bucket=name,
    s3_base_path="app/",
    s3_region="eu-west-1",
    s3_endpoint_url=endpoint,
    s3_access_key_id="AKIDEXAMPLE",
    s3_secret_access_key="secret",
    task_default_queue=name + "-py",
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=4,
    task_acks_late=True,
)


@app.task(name="py.add")
def add(x, y):
    return x + y


@app.task(name="py.sum")
def total(numbers):
    return sum(numbers)


@app.task(name="py.echo", bind=True)
def echo(self, *args, **kwargs):
    r = self.request
    return {
        "args": args,
        "kwargs": kwargs,
        "at": time.time(),
        "eta": r.eta,
        "retries": r.retries,
        "limits": r.timelimit,
        "stamps": r.stamps,
        "root": r.root_id,
        "parent": r.parent_id,
        "group": r.group,
        "index": r.group_index,
        "shadow": r.shadow,
        "headers": r.headers,
        "priority": r.delivery_info["priority"],
    }


@app.task(name="py.fail")
def fail(text):
    raise ValueError(text, 7)


@app.task(name="py.flaky", bind=True, max_retries=5)
def flaky(self, times):
    if self.request.retries < times:
        raise self.retry(countdown=1)
    return self.request.retries


@app.task(name="py.slow")
def slow(index):
    time.sleep(30)


def consumer_like():
    """What Celery's strategy needs of a worker's consumer."""
    consumer = Mock()
    consumer.task_buckets = defaultdict(lambda: None)
    consumer.disable_rate_limits = True
    consumer.event_dispatcher.enabled = False
    consumer.controller.state.revoked = set()
    consumer.hostname = "interop"
    return consumer


def judge(body):
    """Gives Celery's own strategy a message as SQS holds it; answers what it made of it."""
    envelope = json.loads(base64.b64decode(body))
    channel = app.connection_for_read("memory://").channel()
    message = channel.message_to_python(dict(envelope))
    message.accept = {"application/json"}
    message.payload
    consumer = consumer_like()
    strategy = app.tasks[message.headers["task"]].start_strategy(app, consumer)
    strategy(message, None, message.ack_log_error, message.reject_log_error, [])
    if consumer.on_task_request.called:
        request = consumer.on_task_request.call_args[0][0]
        how = "run"
    elif consumer.timer.call_at.called:
        request = consumer.timer.call_at.call_args[0][2][0]
        how = "scheduled"
    else:
        return {"how": "revoked"}
    return {
        "how": how,
        "id": request.id,
        "args": request.args,
        "kwargs": request.kwargs,
        "eta": request.eta and request.eta.timestamp(),
        "expires": request.expires and request.expires.timestamp(),
        "limits": request.time_limits,
        "context": {"chain": request._context.chain, "errbacks": request.errbacks},
        "stamps": request.stamps,
    }


def outcome(id):
    try:
        return {"result": app.AsyncResult(id).get(timeout=180, interval=0.1)}
    except Exception as error:
        return {"error": [type(error).__name__, *error.args]}


def do(ask):
    if ask["do"] == "setup":
        import boto3

        sqs = boto3.client("sqs", endpoint_url=endpoint)
        dead = sqs.create_queue(QueueName=name + "-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 100})
        for queue, seconds in (("py", 60), ("ts", 60), ("shared", 3), ("killed", 4)):
            attributes = {"VisibilityTimeout": str(seconds), "RedrivePolicy": policy}
            sqs.create_queue(QueueName=f"{name}-{queue}", Attributes=attributes)
        location = {"LocationConstraint": "eu-west-1"}
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=name, CreateBucketConfiguration=location)
    elif ask["do"] == "send":
        return [
            app.send_task(t["task"], t.get("args"), t.get("kwargs"), **t.get("options", {})).id for t in ask["tasks"]
        ]
    elif ask["do"] == "chain":
        return chain(*(signature(s, app=app) for s in ask["tasks"])).apply_async().id
    elif ask["do"] == "chord":
        *header, body = (signature(s, app=app) for s in ask["tasks"])
        return chord(header)(body).id
    elif ask["do"] == "get":
        return [outcome(id) for id in ask["ids"]]
    elif ask["do"] == "judge":
        return [judge(body) for body in ask["bodies"]]


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(do(json.loads(line))), flush=True)
