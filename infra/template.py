#!/usr/bin/env python3
"""Writes template.yaml from its source, infra/template.yaml.j2, and the API's description, server/openapi.json.

Run it from the root of the repository, with Jinja2 and PyYAML installed.
"""

import json
import re
from pathlib import Path

import jinja2

SOURCE = Path("infra/template.yaml.j2")
DESCRIPTION = Path("server/openapi.json")
TEMPLATE = Path("template.yaml")


def main():
    TEMPLATE.write_text(render(SOURCE.read_text(), json.loads(DESCRIPTION.read_text())))


def render(source, description):
    """The template, with a route for each path of the description."""
    paths = paths_by_function(description)
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["resource"] = resource_name
    return environment.from_string(source).render(paths=paths, functions=list(paths))


def paths_by_function(description):
    """The paths that each function answers: an operation's tag names its function."""
    paths = {}
    for path, operations in description["paths"].items():
        for tag in {operation["tags"][0] for operation in operations.values()}:
            paths.setdefault(tag, []).append(path)
    return paths


def resource_name(path):
    """`/v1/predict/{customer_id}` as a part of a resource's name: PredictCustomerId."""
    return "".join(word.capitalize() for word in re.findall(r"[a-z]+", path.removeprefix("/v1")))


if __name__ == "__main__":
    main()
