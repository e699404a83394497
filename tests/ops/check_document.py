#!/usr/bin/env python3
"""Compares docs/operators.md with what the schemas say, or writes it.

    tests/ops/check_document.py [--write] PROGRAM FILE
"""

import difflib
import os
import subprocess
import sys


def main():
    write = "--write" in sys.argv
    program, path = [arg for arg in sys.argv[1:] if arg != "--write"]
    done = subprocess.run([program, "cpu", "opencl"], capture_output=True, text=True)
    if done.returncode:
        sys.stderr.write(done.stderr)
        required = "pocl" in os.environ.get("TENON_REQUIRE", "").split(",")
        return 1 if done.returncode == 77 and required else done.returncode
    if write:
        with open(path, "w") as file:
            file.write(done.stdout)
        return 0
    with open(path) as file:
        text = file.read()
    if text == done.stdout:
        return 0
    diff = difflib.unified_diff(text.splitlines(), done.stdout.splitlines(), path, "the schemas", lineterm="", n=1)
    print("\n".join(list(diff)[:60]))
    print("docs/operators.md is not what the schemas say: ninja -C builddir operators-md writes it anew")
    return 1


if __name__ == "__main__":
    sys.exit(main())
