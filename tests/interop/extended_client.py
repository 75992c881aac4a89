"""The Amazon SQS Extended Client for Python, told by one JSON line what to do, answering in one."""
import json
import sys

import boto3
from sqs_extended_client import SQSExtendedClientSession

ask = json.loads(sys.stdin.read())
options = {
    "endpoint_url": ask["endpoint"],
    "region_name": "eu-west-1",
    "aws_access_key_id": "AKIDEXAMPLE",
    "aws_secret_access_key": "secret",
}
keys = {name: options[name] for name in ("region_name", "aws_access_key_id", "aws_secret_access_key")}
session = SQSExtendedClientSession(**keys)
sqs = session.client("sqs", **options)
s3 = boto3.client("s3", **options)
sqs.s3_client = s3
sqs.large_payload_support = ask["bucket"]
sqs.use_legacy_attribute = ask.get("legacy", False)
sqs.delete_payload_from_s3 = True

queue = ask["queue"]
answer = {}
if ask["do"] == "setup":
    s3.create_bucket(Bucket=ask["bucket"], CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    queue = sqs.create_queue(QueueName=queue)["QueueUrl"]
elif ask["do"] == "send":
    sqs.send_message(QueueUrl=queue, MessageBody=ask["body"])
elif ask["do"] == "receive":
    message = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"])["Messages"][0]
    answer = {"body": message["Body"], "receiptHandle": message["ReceiptHandle"]}
elif ask["do"] == "ack":
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=ask["receiptHandle"])

counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
answer["messages"] = sum(
    int(counts[name]) for name in ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
)
answer["objects"] = s3.list_objects_v2(Bucket=ask["bucket"]).get("KeyCount", 0)
answer["queue"] = queue
print(json.dumps(answer))
