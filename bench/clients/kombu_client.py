"""kombu on its SQS transport: one channel, as its users have it. Prints what clients/*.ts print."""

import json
import resource
import sys
import time
import urllib.request

from kombu import Connection, Exchange, Queue

verb, task = sys.argv[1], json.loads(sys.argv[2])
endpoint = task["endpoint"]
host, port = endpoint.removeprefix("http://").split(":")
url = f"{endpoint}/000000000000/orders-0"
seen = 0


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def snapshot():
    with urllib.request.urlopen(f"{endpoint}/stats") as answer:
        stats = json.load(answer)
    return {"at": time.perf_counter(), "seen": seen, "cpu": cpu(), **{"server" if k == "cpu" else k: v for k, v in stats.items()}}


def spend(seconds, step):
    goal, latest = cpu() + seconds, time.perf_counter() + 2 * seconds
    while cpu() < goal and time.perf_counter() < latest:
        step()


def on_message(body, message):
    global seen
    assert body["id"] >= 0
    message.ack()
    seen += 1


options = {
    "is_secure": False,
    "region": "us-east-1",
    "wait_time_seconds": 20,
    "predefined_queues": {
        "orders-0": {"url": url, "access_key_id": "AKIDEXAMPLE", "secret_access_key": "secretsecretsecretsecret"},
    },
}
with Connection(f"sqs://AKIDEXAMPLE:secretsecretsecretsecret@{host}:{port}//", transport_options=options) as connection:
    queue = Queue("orders-0", Exchange(""), routing_key="orders-0")
    if verb == "consume":
        consumer = connection.Consumer(queue, callbacks=[on_message], accept=["json"], auto_declare=False)
        consumer.qos(prefetch_count=20)
        consumer.consume()
        step = connection.drain_events
    else:
        producer = connection.Producer(auto_declare=False)
        order = {"id": 123456, "customer": "customer-821", "amount": 34.56, "lines": ["tea", "rice", "kelp"], "note": "ring twice, then leave it at the back door"}
        traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

        def step():
            global seen
            producer.publish(order, routing_key="orders-0", exchange="", headers={"traceparent": traceparent})
            seen += 1

    spend(task["warmUp"], step)
    a = snapshot()
    spend(task["seconds"], step)
    b = snapshot()
    print(
        json.dumps(
            {
                "messages": b["seen"] - a["seen"],
                "seconds": b["at"] - a["at"],
                "cpu": (b["cpu"] - a["cpu"]) * 1e6,
                "requests": b["requests"] - a["requests"],
                "serverCpu": b["server"] - a["server"],
            }
        ),
        flush=True,
    )
    import os

    os._exit(0)
