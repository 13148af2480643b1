"""What a stack is on moto, and what else is there, as JSON: describe.py STACK. AWS_ENDPOINT_URL is moto's address."""
import json
import sys

import boto3

name = sys.argv[1]
cloudformation, sqs, functions = (boto3.client(s) for s in ("cloudformation", "sqs", "lambda"))
stacks = [s for s in cloudformation.list_stacks()["StackSummaries"] if s["StackName"] == name and "DELETE" not in s["StackStatus"]]
wanted, made = [], {}
if stacks:
    wanted = sorted(cloudformation.get_template(StackName=name)["TemplateBody"]["Resources"])
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    made = {r["LogicalResourceId"]: r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"]}
json.dump({
    "wanted": wanted,
    "made": made,
    "queues": {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in sqs.list_queues().get("QueueUrls", [])},
    "functions": {f["FunctionName"]: f for page in functions.get_paginator("list_functions").paginate() for f in page["Functions"]},
    "mappings": functions.list_event_source_mappings()["EventSourceMappings"],
    "buckets": [b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"]],
    "groups": [g["logGroupName"] for page in boto3.client("logs").get_paginator("describe_log_groups").paginate() for g in page["logGroups"]],
    "roles": [r["RoleName"] for page in boto3.client("iam").get_paginator("list_roles").paginate() for r in page["Roles"]],
}, sys.stdout, default=str)
