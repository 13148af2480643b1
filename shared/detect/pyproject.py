# Prints what a pyproject.toml or Pipfile lists, a requirement of pip a line: the
# project itself need not be installable.
import re, sys
try:
    import tomllib
except ImportError:  # before Python 3.11
    from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as file:
    all = tomllib.load(file)

def bounds(v):  # of Poetry's ^ and ~
    if not re.fullmatch(r"[\^~] *\d+(\.\d+)*", v):
        return "" if v == "*" or "|" in v else v if re.match("[<>=!~]", v) else "==" + v
    low = v[1:].strip()
    n = [int(x) for x in low.split(".")]
    at = min(1, len(n) - 1) if v[0] == "~" else next((i for i, x in enumerate(n) if x), len(n) - 1)
    return f">={low},<" + ".".join(str(x) for x in n[:at] + [n[at] + 1])

def listed(table):
    for name, what in table.items():
        what = what[0] if isinstance(what, list) else what
        what = {"version": what} if isinstance(what, str) else what
        if name == "python" or what.get("optional"):
            continue
        extras = "[" + ",".join(what["extras"]) + "]" if what.get("extras") else ""
        marker = " ; " + what["markers"] if what.get("markers") else ""
        if "git" in what:
            at = next(("@" + what[k] for k in ("rev", "ref", "tag", "branch") if k in what), "")
            print(name + extras + " @ git+" + what["git"] + at + marker)
        elif "url" in what:
            print(name + extras + " @ " + what["url"] + marker)
        else:
            print(what.get("path") or name + extras + bounds(what.get("version", "*")) + marker)

groups = all.get("dependency-groups", {})
def group(name):
    for one in groups.get(name, []):
        if isinstance(one, str):
            print(one)
        else:
            group(one.get("include-group"))

project = all.get("project", {})
poetry = all.get("tool", {}).get("poetry", {})
if "dependencies" in project.get("dynamic", []) and not poetry:
    print(".")  # its build backend alone knows
for one in project.get("dependencies", []):
    print(one)
listed(all.get("packages", {}))
if not project.get("dependencies"):
    listed(poetry.get("dependencies", {}))
for name in ["dev"] if project.get("dependencies") or poetry else groups:
    group(name)
