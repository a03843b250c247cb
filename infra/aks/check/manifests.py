#!/usr/bin/env python3
"""Renders each overlay and checks every resource strictly: unknown fields, wrong values and kinds without a schema fail.

Run it with Python packages kubernetes-validate and PyYAML, kubectl and node on the PATH, after `npm ci` in its folder.
"""

import json
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
OVERLAYS = ["dev", "prod"]
# The manifests use no field that is newer.
KUBERNETES = "1.33"


def main():
    failed = not refuses_what_is_wrong()
    for overlay in OVERLAYS:
        resources = rendered(HERE.parent / overlay)
        found = faults(resources)
        print("\n".join(f"{overlay}: {fault}" for fault in found) or f"{overlay}: {len(resources)} resources are valid")
        failed = failed or bool(found)
    sys.exit(1 if failed else 0)


def refuses_what_is_wrong():
    """Whether the check itself works: in each wrong resource it must find something."""
    gateway = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "wrong"}}
    listener = {"name": "https", "protocol": "HTTPS", "port": 443}
    wrong = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "wrong"}, "spec": {"prots": []}},
        {"apiVersion": "example.com/v1", "kind": "Unheard", "metadata": {"name": "wrong"}},
        gateway | {"spec": {"gatewayClassName": "class", "listeners": [listener | {"port": "443"}]}},
        gateway | {"spec": {"gatewayClassName": "class", "listeners": [listener | {"prot": 443}]}},
    ]
    missed = [resource for resource in wrong if not faults([resource])]
    for resource in missed:
        print(f"the check finds nothing wrong with {resource}")
    return not missed


def rendered(overlay):
    command = ["kubectl", "kustomize", overlay]
    text = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    return list(yaml.safe_load_all(text))


def faults(resources):
    """What is wrong with resources, a sentence each."""
    found, others = [], []
    for resource in resources:
        try:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)
        except kubernetes_validate.SchemaNotFoundError:
            others.append(resource)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{resource['kind']} {resource['metadata']['name']}: {error.message}")
    if others:
        check = ["node", "gateway.js"]
        result = subprocess.run(check, cwd=HERE, input=json.dumps(others), capture_output=True, text=True)
        if result.returncode != 0:
            found += result.stderr.strip().splitlines() or ["the check of Gateway API resources failed"]
    return found


if __name__ == "__main__":
    main()
