"""The JSON Schema of `tenon schema` against the shipped recipes, and against wrong ones.

Needs the modules jsonschema and yaml; without them the test is skipped (77)."""
import json
import subprocess
import sys
from pathlib import Path

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

WRONG = [
    ("model", 0, "fliters"),
    ("optimizer", "lrr"),
    ("train", "epoch"),
    ("colour",),
]


def put(tree, path, value):
    for part in path[:-1]:
        tree = tree[part]
    tree[path[-1]] = value


def main():
    tenon, recipes = sys.argv[1], [Path(p) for p in sys.argv[2:]]
    schema = json.loads(subprocess.run([tenon, "schema"], check=True, capture_output=True).stdout)
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    check = validator(schema)
    failed = 0
    for path in recipes:
        resolved = subprocess.run([tenon, "train", path, "--print-config"], check=True,
                                  capture_output=True).stdout
        for what, text in (("as shipped", path.read_bytes()), ("resolved", resolved)):
            for error in check.iter_errors(yaml.safe_load(text)):
                print(f"{path.name}, {what}: {error.message}")
                failed += 1
    for wrong in WRONG:
        tree = yaml.safe_load((recipes[0].parent / "mnist-cnn.yaml").read_bytes())
        put(tree, wrong, 1)
        if not list(check.iter_errors(tree)):
            print(f"accepted the key {wrong}")
            failed += 1
    return 1 if failed else 0


sys.exit(main())
