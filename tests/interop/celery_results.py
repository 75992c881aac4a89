"""Celery's own S3 result backend, told by one JSON line what to do, answering in one."""
import json
import os
import sys

from celery import Celery

ask = json.loads(sys.stdin.read())
os.environ.update(AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret")
app = Celery("interop", backend="s3")
app.conf.update(
    s3_bucket=ask["bucket"],
    s3_base_path="app/",
    s3_region="eu-west-1",
    s3_endpoint_url=ask["endpoint"],
    s3_access_key_id="AKIDEXAMPLE",
    s3_secret_access_key="secret",
)
backend = app.backend
answer = {}
if ask["do"] == "setup":
    location = {"LocationConstraint": "eu-west-1"}
    backend._s3_resource.create_bucket(Bucket=ask["bucket"], CreateBucketConfiguration=location)
elif ask["do"] == "done":
    backend.store_result(ask["id"], ask["result"], "SUCCESS")
elif ask["do"] == "failed":
    try:
        {}[ask["result"]]
    except KeyError as error:
        backend.store_result(ask["id"], error, "FAILURE", traceback="Traceback of Python")
elif ask["do"] == "get":
    try:
        answer["result"] = app.AsyncResult(ask["id"]).get(timeout=60)
    except Exception as error:
        answer["error"] = [type(error).__name__, *error.args]
print(json.dumps(answer))
