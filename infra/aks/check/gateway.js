// Checks Gateway API resources: a JSON array on standard input. The package's validators know values and required fields, its
// types know which fields there are; neither knows both.

import * as v1 from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";
import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";
import ts from "typescript";

const KINDS = { Gateway: v1.Gateway, HTTPRoute: v1.HTTPRoute };

/** What is wrong with a resource, a sentence each. */
function faults(resource) {
  const Model = resource.apiVersion === "gateway.networking.k8s.io/v1" ? KINDS[resource.kind] : undefined;
  if (Model === undefined) {
    return [`no schema is known for ${resource.apiVersion} ${resource.kind}`];
  }
  const found = unknownFields(resource);
  try {
    new Model(resource).validate();
  } catch (error) {
    found.push(error.message);
  }
  return found;
}

/** TypeScript's complaints about the resource as a literal of its interface: it refuses fields that the interface lacks. */
function unknownFields(resource) {
  const path = fileURLToPath(new URL("resource.ts", import.meta.url));
  const text =
    `import type { I${resource.kind} } from "@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1";\n` +
    `export const resource: I${resource.kind} = ${JSON.stringify(resource)};\n`;
  const options = {
    noEmit: true,
    strict: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists } = host;
  host.fileExists = (name) => name === path || fileExists(name);
  host.readFile = (name) => (name === path ? text : readFile(name));
  const program = ts.createProgram([path], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, " "));
}

let failed = false;
for (const resource of JSON.parse(readFileSync(0, "utf8"))) {
  for (const fault of faults(resource)) {
    console.error(`${resource.kind} ${resource.metadata?.name}: ${fault}`);
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
