"""runc with the capabilities that a variable of the container's environment names, which is taken out again.

Debian's docker.io knows no capability after CAP_AUDIT_READ, so that `--cap-add=BPF` is refused there; runc knows them
all. The list replaces what Docker would give.
"""
import json
import os
import sys

VARIABLE = "MINEWARDEN_TEST_CAPABILITIES="

args = sys.argv[1:]
if "create" in args:
    bundle = args[args.index("--bundle") + 1] if "--bundle" in args else os.getcwd()
    path = os.path.join(bundle, "config.json")
    with open(path) as file:
        spec = json.load(file)
    process = spec["process"]
    named = [entry for entry in process.get("env") or [] if entry.startswith(VARIABLE)]
    if named:
        process["env"] = [entry for entry in process["env"] if entry not in named]
        names = named[0].removeprefix(VARIABLE).split(",")
        process["capabilities"] = {kind: names for kind in ("bounding", "effective", "permitted")}
        with open(path, "w") as file:
            json.dump(spec, file)
os.execvp("runc", ["runc", *args])
