"""moto's server, whose CloudFormation takes SAM templates, as AWS's does.

    cloud.py PORT FOLDER

A change set's template is expanded by SAM's own transform and kept in FOLDER as <stack>.json; what moto cannot make is then
left out. What moto's change sets forget, it does: a stack that one makes has outputs, exports, and the parameters that were
given.
"""
import copy
import json
import pathlib
import re
import sys

from moto.cloudformation import models
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.parsing import get_model_map
from moto.server import main
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

# What moto's CloudFormation does not make, and so is not made here. proof/contract looks at the expanded template for
# what these say. Another type that moto lacks is refused, and one of these that it has learnt ends the run.
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


class NoManagedPolicies:
    def load(self):
        return {}


def reduced(template, stack):
    """An expanded template without what moto lacks. What refers to it has its logical name."""
    known, used = set(get_model_map()), {r["Type"] for r in template["Resources"].values()}
    if unknown := {t for t in used if t not in known} - set(LACKING):
        raise ValidationError(stack, f"moto lacks {unknown}, which LACKING does not say")
    gone = {id for id, r in template["Resources"].items() if r["Type"] in LACKING}
    instead = {id: template["Resources"][id]["Properties"]["FunctionName"] for id in gone if template["Resources"][id]["Type"] == "AWS::Lambda::Alias"}

    def without(value):
        if isinstance(value, list):
            value = [without(v) for v in value]
            # Where an element may be none, CloudFormation leaves it out and moto a null, which no policy may have: the
            # first element is there twice instead.
            return [{"Fn::If": [value[0] if v == NO_VALUE else v for v in e["Fn::If"]]} if maybe(e) else e for e in value]
        if isinstance(value, str):  # of a Fn::Sub
            return re.sub(r"\$\{(\w+)(\.\w+)?\}", lambda m: m[1] if m[1] in gone else m[0], value)
        if not isinstance(value, dict):
            return value
        if value.get("Ref") in gone:
            return copy.deepcopy(instead.get(value["Ref"], value["Ref"]))
        if "Fn::GetAtt" in value and value["Fn::GetAtt"][0] in gone:
            return value["Fn::GetAtt"][0]
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
    rest = {key: value for key, value in template.items() if key not in ("Transform", "Rules")}  # moto knows no rules
    return {**rest, "Resources": resources, "Outputs": without(template.get("Outputs", {}))}


def maybe(value):
    return isinstance(value, dict) and NO_VALUE in value.get("Fn::If", [])


def teach(folder):
    make = models.CloudFormationBackend.create_change_set

    def create_change_set(self, stack_name, change_set_name, template, parameters, *args, **more):
        parsed = yaml_parse(template)
        if "Transform" in parsed:
            parsed = transform(parsed, {"AWS::Region": self.region_name}, NoManagedPolicies())
            (folder / f"{stack_name}.json").write_text(json.dumps(parsed, indent=1))
        # moto makes a list of a parameter that is given, and not of a default; and takes a number that is given for another
        # one than the same by default, also where it was left as it was.
        known, given = parsed.get("Parameters", {}), {}
        for id, p in known.items():
            if id in parameters and str(parameters[id]) != str(p.get("Default")):
                given[id] = ",".join(parameters[id]) if isinstance(parameters[id], list) else parameters[id]
            elif p["Type"] == "CommaDelimitedList" and "Default" in p:
                given[id] = p["Default"]
        return make(self, stack_name, change_set_name, json.dumps(reduced(parsed, stack_name)), given, *args, **more)

    def apply(self):
        stack = self.stack
        stack.template, stack.parameters = self.template, self.parameters
        stack._parse_template()
        if self.change_set_type == "CREATE":
            stack.resource_map = stack._create_resource_map()
            stack.resource_map.create(self.template_dict)
        else:
            stack.resource_map.update(self.template_dict, self.parameters)
        stack.output_map = stack._create_output_map()
        exports = models.cloudformation_backends[stack.account_id][stack.region_name].exports
        exports.update({e.name: e for e in stack.exports})

    models.CloudFormationBackend.create_change_set = create_change_set
    models.ChangeSet.apply = apply


if __name__ == "__main__":
    port, folder = sys.argv[1:]
    if learnt := set(LACKING) & set(get_model_map()):
        sys.exit(f"moto has learnt {learnt}: take it out of LACKING")
    teach(pathlib.Path(folder))
    main(["-H", "localhost", "-p", port])
