#!/usr/bin/env python3
"""Renders each overlay and checks every resource strictly: unknown fields, wrong values and kinds without a schema fail.

So do images without a digest, tokens of the cluster or of Azure, routes to what is for the inside or under a host name that the
server refuses, and pods that sign people in but can't reach the issuer.

Run it with Python packages kubernetes-validate and PyYAML, kubectl and node on the PATH, after `npm ci` in its folder.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import yaml

HERE = Path(__file__).resolve().parent
OVERLAYS = ["dev", "prod", "sign-in"]
# The manifests use no field that is newer.
KUBERNETES = "1.33"
# Served by the server for the probes and Prometheus only.
INSIDE = ["/healthz", "/readyz", "/metrics"]


def main():
    failed = not refuses_what_is_wrong()
    for overlay in OVERLAYS:
        resources = rendered(HERE.parent / overlay)
        found = faults(resources) + dangers(resources)
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
    missed += [resources for resources in dangerous() if not dangers(resources)]
    for resource in missed:
        print(f"the check finds nothing wrong with {resource}")
    return not missed


def dangerous():
    """Resources that are valid and should not be deployed, a list each."""
    digest = f"registry/server@sha256:{'0' * 64}"

    def pod(image=digest, labels={}, **spec):
        container = {"name": "server", "image": image, "env": spec.pop("env", []), "readinessProbe": probe}
        pod_spec = {"automountServiceAccountToken": False, "containers": [container]} | spec
        template = {"metadata": {"labels": labels}, "spec": pod_spec}
        return {"kind": "Deployment", "metadata": {"name": "wrong"}, "spec": {"template": template}}

    probe = {"httpGet": {"path": "/readyz", "port": "health"}}
    service = {"kind": "Service", "metadata": {"name": "wrong"}, "spec": {"ports": [{"port": 80, "targetPort": "http"}]}}
    exposed = service | {"spec": {"ports": [{"port": 9090, "targetPort": "health"}]}}

    def route(kind, value, hosts=()):
        rule = {"matches": [{"path": {"type": kind, "value": value}}]}
        return {"kind": "HTTPRoute", "metadata": {"name": "wrong"}, "spec": {"hostnames": list(hosts), "rules": [rule]}}

    answers = pod(env=[{"name": "ALLOWED_HOSTS", "value": "one.example, two.example"}])
    assert not dangers([answers, service, route("PathPrefix", "/v1", ["one.example", "two.example"])])
    token = {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    account = {"kind": "ServiceAccount", "automountServiceAccountToken": False}
    identity = {"name": "wrong", "annotations": {"azure.workload.identity/client-id": "0"}}
    signs_in = pod(env=[{"name": "OIDC_ISSUER", "value": "https://issuer.example"}])
    return [
        [pod(image="registry/server:latest")],
        [pod(labels={"azure.workload.identity/use": "true"})],
        [pod(automountServiceAccountToken=True)],
        [pod(volumes=[token])],
        [account | {"metadata": identity}],
        [route("PathPrefix", "/")],
        [route("PathPrefix", "/metrics")],
        [route("Exact", "/healthz")],
        [route("RegularExpression", "/.*")],
        [{"kind": "HTTPRoute", "metadata": {"name": "wrong"}, "spec": {"rules": [{"backendRefs": []}]}}],
        [signs_in],
        [pod(), exposed],
        [answers, route("PathPrefix", "/v1", ["one.example", "three.example"])],
    ]


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


def dangers(resources):
    """What is valid but should not be deployed, a sentence each."""
    found = []
    services = [resource for resource in resources if resource["kind"] == "Service"]
    served = {port["targetPort"] for service in services for port in service["spec"]["ports"]}
    for resource in resources:
        where = f"{resource['kind']} {resource['metadata']['name']}"
        if "azure.workload.identity/" in json.dumps(resource) or "serviceAccountToken" in json.dumps(resource):
            found.append(f"{where}: a token is mounted")
        if resource["kind"] == "Deployment":
            pod = resource["spec"]["template"]["spec"]
            if pod.get("automountServiceAccountToken") is not False:
                found.append(f"{where}: the service account's token is mounted")
            images = [container["image"] for container in pod["containers"] + pod.get("initContainers", [])]
            found += [f"{where}: {image} has no digest" for image in images if not re.search("@sha256:[0-9a-f]{64}$", image)]
            if setting(pod, "OIDC_ISSUER") and not any(reaches_issuer(policy) for policy in resources):
                found.append(f"{where}: no policy lets it ask DNS and the issuer")
            allowed = {host.strip() for host in setting(pod, "ALLOWED_HOSTS").split(",")}
            routes = [resource for resource in resources if resource["kind"] == "HTTPRoute"]
            routed = {host for route in routes for host in route["spec"].get("hostnames", [])}
            found += [f"{where}: does not answer under {host}" for host in sorted(routed - allowed)]
            for container in pod["containers"]:
                for name in ["startupProbe", "livenessProbe", "readinessProbe"]:
                    if name in container and container[name]["httpGet"]["port"] in served:
                        found.append(f"{where}: {name} asks at a port that a service exposes")
        if resource["kind"] == "HTTPRoute":
            found += [f"{where}: routes {path}" for rule in resource["spec"]["rules"] for path in routed_inside(rule)]
    return found


def setting(pod, name):
    """The value of a variable of the pod's containers, empty where none has it."""
    variables = [variable for container in pod["containers"] for variable in container.get("env", [])]
    return next((variable["value"] for variable in variables if variable["name"] == name), "")


def reaches_issuer(policy):
    """Whether this lets the server's pods out to DNS and to HTTPS somewhere."""
    if policy["kind"] != "NetworkPolicy" or policy["spec"]["podSelector"].get("matchLabels") != {
        "app.kubernetes.io/name": "engagetrack"
    }:
        return False
    return {53, 443} <= {port["port"] for rule in policy["spec"].get("egress", []) for port in rule.get("ports", [])}


def routed_inside(rule):
    """Which of the paths for the inside a rule of a route takes; it may take any by a pattern, and all without a path."""
    for match in rule.get("matches") or [{}]:
        path = match.get("path", {"type": "PathPrefix", "value": "/"})
        prefix = path["value"].rstrip("/") + "/"
        for inside in INSIDE:
            if path["type"] == "RegularExpression" or path["value"] == inside:
                yield inside
            elif path["type"] == "PathPrefix" and f"{inside}/".startswith(prefix):
                yield inside


if __name__ == "__main__":
    main()
