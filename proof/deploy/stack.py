"""Makes, changes and deletes a stack on moto, through the API of CloudFormation.

    stack.py expand PACKAGED OUT               SAM's own transform of a packaged template
    stack.py create|update STAGE EXPANDED [Parameter=value ...]
    stack.py delete STAGE EXPANDED
    stack.py describe STAGE EXPANDED           what is there, as JSON on standard output

STAGE is one of samconfig.toml, whose parameters count. AWS_ENDPOINT_URL is moto's address.
Checks nothing itself but that moto has made all that it says it can.
"""
import copy
import json
import re
import sys
import tomllib

import boto3
from botocore.config import Config
from moto.cloudformation.parsing import get_model_map

# What moto's CloudFormation does not make, and so is not made here. proof/contract looks at the expanded template for
# what these say. Another type that moto lacks, or one of these that it has learnt, ends the run.
LACKING = {
    "AWS::ApiGatewayV2::Api": "moto has the API's service, and no CloudFormation for it",
    "AWS::ApiGatewayV2::ApiMapping": "as the Api",
    "AWS::ApiGatewayV2::DomainName": "as the Api",
    "AWS::ApiGatewayV2::Stage": "as the Api",
    "AWS::CloudWatch::Alarm": "moto has alarms, and no CloudFormation for them",
    "AWS::CloudWatch::CompositeAlarm": "moto has composite alarms, and no CloudFormation for them",
    "AWS::CodeDeploy::Application": "moto has no CodeDeploy below CloudFormation",
    "AWS::CodeDeploy::DeploymentGroup": "as the Application",
    "AWS::Lambda::Alias": "moto has aliases, and no CloudFormation for them; what names one names the function here",
    "AWS::Lambda::EventInvokeConfig": "moto has it, and no CloudFormation for it",
    "AWS::Logs::QueryDefinition": "moto has saved queries, and no CloudFormation for them",
    "AWS::S3::BucketPolicy": "moto has policies of buckets, and no CloudFormation for them",
    "AWS::SQS::QueuePolicy": "moto has policies of queues, and no CloudFormation for them",
    "AWS::Scheduler::Schedule": "moto has the scheduler, and no CloudFormation for it",
    "AWS::SecretsManager::Secret": "moto has secrets, and no CloudFormation for them",
    "Custom::Migration": "moto runs the function in Docker; the local system's own migration comes before the first message",
}

NO_VALUE = {"Ref": "AWS::NoValue"}


def client(service):
    return boto3.client(service, config=Config(retries={"max_attempts": 1}))


def expand(packaged, out):
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    class NoManagedPolicies:
        def load(self):
            return {}

    with open(packaged) as f:
        template = yaml_parse(f.read())
    with open(out, "w") as f:
        json.dump(transform(template, {"AWS::Region": client("s3").meta.region_name}, NoManagedPolicies()), f, indent=1)


def reduced(path):
    """The expanded template without what moto lacks, and without references to it."""
    with open(path) as f:
        template = json.load(f)
    known, used = set(get_model_map()), {r["Type"] for r in template["Resources"].values()}
    unknown = {t for t in used if t not in known}
    if unknown - set(LACKING) or set(LACKING) & known:
        sys.exit(f"moto lacks {unknown - set(LACKING)}, which LACKING does not say, or has learnt {set(LACKING) & known}")
    gone = {id for id, r in template["Resources"].items() if r["Type"] in LACKING}
    instead = {id: template["Resources"][id]["Properties"]["FunctionName"] for id in gone if template["Resources"][id]["Type"] == "AWS::Lambda::Alias"}

    def without(value):
        if isinstance(value, list):
            value = [without(v) for v in value]
            # Where an element may be none, CloudFormation leaves it out and moto a null, which no policy may have: the
            # first element is there twice instead.
            return [{"Fn::If": [value[0] if v == NO_VALUE else v for v in e["Fn::If"]]} if maybe(e) else e for e in value]
        if isinstance(value, str):  # of a Fn::Sub
            return re.sub(r"\$\{(\w+)(\.\w+)?\}", lambda m: "lacking" if m[1] in gone else m[0], value)
        if not isinstance(value, dict):
            return value
        if value.get("Ref") in gone:
            return copy.deepcopy(instead.get(value["Ref"], "lacking"))
        if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in gone:
            return "lacking"
        return {k: without(v) for k, v in value.items()}

    resources = {}
    for id, r in template["Resources"].items():
        if id in gone:
            continue
        r = without(r)
        if set([r.get("DependsOn")] if isinstance(r.get("DependsOn"), str) else r.get("DependsOn", [])) & gone:
            del r["DependsOn"]
        # Of a stack that was once made, both mean the same; moto knows the one word.
        if r.get("DeletionPolicy") == "RetainExceptOnCreate":
            r["DeletionPolicy"] = "Retain"
        resources[id] = r
    template["Resources"] = resources
    template["Outputs"] = {id: o for id, o in template["Outputs"].items() if not names(o, gone)}
    for key in ("Transform", "Rules"):  # moto knows no rules; Transform was done
        template.pop(key, None)
    return template


def maybe(value):
    return isinstance(value, dict) and NO_VALUE in value.get("Fn::If", [])


def names(value, ids):
    text = json.dumps(value)
    return any(f'"{id}"' in text or f"${{{id}}}" in text or f"${{{id}." in text for id in ids)


def settings(stage):
    with open("samconfig.toml", "rb") as f:
        config = tomllib.load(f)[stage]
    return config["global"]["parameters"]["stack_name"], dict(p.split("=", 1) for p in config["deploy"]["parameters"]["parameter_overrides"])


def change(verb, stage, expanded, changed):
    name, given = settings(stage)
    template = reduced(expanded)
    # moto makes a list of one that is given, and not of a default.
    lists = {id: p["Default"] for id, p in template["Parameters"].items() if p["Type"] == "CommaDelimitedList" and "Default" in p}
    parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in {**lists, **given, **dict(c.split("=", 1) for c in changed)}.items()]
    cloudformation = client("cloudformation")
    call = cloudformation.create_stack if verb == "create" else cloudformation.update_stack
    call(StackName=name, TemplateBody=json.dumps(template), Parameters=parameters, Capabilities=["CAPABILITY_IAM"])
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    if not stack["StackStatus"].endswith(verb.upper() + "_COMPLETE"):
        sys.exit(f"{verb}: the stack is {stack['StackStatus']}: {stack.get('StackStatusReason')}")


def describe(stage, expanded):
    name, _ = settings(stage)
    stacks = [s for s in client("cloudformation").list_stacks()["StackSummaries"] if s["StackName"] == name and "DELETE" not in s["StackStatus"]]
    made = {}
    if stacks:
        pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
        made = {r["LogicalResourceId"]: r["PhysicalResourceId"] for page in pages for r in page["StackResourceSummaries"]}
    sqs, functions = client("sqs"), client("lambda")
    json.dump({
        "wanted": sorted(reduced(expanded)["Resources"]),
        "made": made,
        "outputs": {o["OutputKey"]: o["OutputValue"] for s in stacks for o in client("cloudformation").describe_stacks(StackName=name)["Stacks"][0].get("Outputs", [])},
        "queues": {url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"] for url in sqs.list_queues().get("QueueUrls", [])},
        "functions": {f["FunctionName"]: f for page in functions.get_paginator("list_functions").paginate() for f in page["Functions"]},
        "mappings": functions.list_event_source_mappings()["EventSourceMappings"],
        "buckets": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
        "groups": [g["logGroupName"] for page in client("logs").get_paginator("describe_log_groups").paginate() for g in page["logGroups"]],
        "roles": [r["RoleName"] for page in client("iam").get_paginator("list_roles").paginate() for r in page["Roles"]],
    }, sys.stdout, default=str)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["expand", packaged, out]:
            expand(packaged, out)
        case ["create" | "update" as verb, stage, expanded, *changed]:
            change(verb, stage, expanded, changed)
        case ["delete", stage, _]:
            client("cloudformation").delete_stack(StackName=settings(stage)[0])
        case ["describe", stage, expanded]:
            describe(stage, expanded)
        case _:
            sys.exit(__doc__)
