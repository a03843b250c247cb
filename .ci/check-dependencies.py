#!/usr/bin/env python3
"""Holds every Rust dependency against deny.toml: licences, banned crates, sources.

It stands in for `cargo deny check licenses bans sources`, which would first have to be compiled.
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path


def main():
    rules = tomllib.loads(Path("deny.toml").read_text())
    metadata = subprocess.run(["cargo", "metadata", "--locked", "--format-version", "1"], capture_output=True, check=True)
    packages = json.loads(metadata.stdout)["packages"]
    dependencies = [package for package in packages if package["source"] is not None]
    findings = [finding for dependency in dependencies for finding in breaches(dependency, rules)]
    if findings:
        sys.exit("\n".join(findings))
    print(f"{len(dependencies)} dependencies: licences, bans and sources are as deny.toml wants them")


def breaches(dependency, rules):
    """What a dependency breaks, a sentence each."""
    name = f"{dependency['name']} {dependency['version']}"
    if not permitted(dependency["license"] or "none", set(rules["licenses"]["allow"])):
        yield f"{name}: the licence {dependency['license']} is not allowed"
    if dependency["name"] in {ban["crate"] for ban in rules["bans"]["deny"]}:
        yield f"{name} is banned"
    if dependency["source"].removeprefix("registry+") not in rules["sources"]["allow-registry"]:
        yield f"{name}: the source {dependency['source']} is not allowed"


def permitted(expression, allowed):
    """Whether the allowed licences satisfy an SPDX expression; a slash is crates.io's old "OR"."""
    words = re.findall(r"[()]|[^\s()]+(?:\s+WITH\s+[^\s()]+)?", expression.replace("/", " OR "))
    operators = {"(": "(", ")": ")", "AND": "and", "OR": "or"}
    return eval(" ".join(operators.get(word) or str(word in allowed) for word in words))  # of True, False, and, or, ( )


if __name__ == "__main__":
    main()
