/** The smallest workspace: a schema with nothing that is optional, and ids of any characters. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SCHEMA = `format = 1
name = "club"
as_of = 2026-03-01

[roles]
id = { columns = ["member"] }

[[field]]
name = "visits"
kind = "whole"
about = "behaviour"

[[field]]
name = "plan"
kind = "choice"
values = ["Day", "Full"]
about = "plan"

[[field]]
name = "distance"
kind = "number"
about = "person"
`;

const NUDGES = `[[nudge]]
id = "thanks"
category = "care"
title = "Say thanks"
otherwise = true
reasons = ["Nothing else applies."]
messages = ["Thanks for coming.", "See you soon."]
`;

/** Ids that an address, a selector or a file name may stumble over. */
export const ODD_IDS = [
  "Ann Ó Néill",
  "a/b?c#d%25",
  '"quoted" & <b>',
  ".hidden",
  "x".repeat(64),
  "1",
] as const;

/** Enough customers to need a second page. */
const CUSTOMERS = 150;

function customers(): string {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const rows = Array.from({ length: CUSTOMERS }, (_, index) => {
    const visits = index % 17 === 3 ? "" : (index * 7) % 31;
    const distance = index % 11 === 2 ? "" : ((index * 13) % 450) / 10 - 5;
    return [
      quoted(ODD_IDS[index] ?? `no. ${index}`),
      visits,
      index % 2 === 0 ? "Day" : "Full",
      distance,
    ].join();
  });
  return ["member,visits,plan,distance", ...rows, ""].join("\n");
}

/** One tree of XGBoost's: who has the day plan is likelier to leave, most of all with fewer than four visits. */
const MODEL = {
  learner: {
    attributes: {},
    feature_names: ["plan", "visits"],
    learner_model_param: { base_score: "[5E-1]", num_class: "0", num_feature: "2", num_target: "1" },
    objective: { name: "binary:logistic" },
    gradient_booster: {
      name: "gbtree",
      model: {
        gbtree_model_param: { num_parallel_tree: "1", num_trees: "1" },
        iteration_indptr: [0, 1],
        tree_info: [0],
        trees: [
          {
            left_children: [1, 3, -1, -1, -1],
            right_children: [2, 4, -1, -1, -1],
            split_indices: [0, 1, 0, 0, 0],
            split_conditions: [0.5, 4, -1.5, 1.5, 0.25],
            default_left: [1, 0, 0, 0, 0],
            sum_hessian: [8, 4, 4, 2, 2],
            split_type: [0, 0, 0, 0, 0],
            tree_param: { num_nodes: "5", num_feature: "2", size_leaf_vector: "1" },
          },
        ],
      },
    },
  },
  version: [3, 2, 0],
};

/** Of another model: nothing is known of how good this one is. */
const CARD = { version: "none", base_rate: 0.25, calibration: { slope: 1, intercept: 0 } };

/** The files by their paths. */
export const FILES: Readonly<Record<string, string>> = {
  "data/schema.toml": SCHEMA,
  "data/customers.csv": customers(),
  "data/nudges.toml": NUDGES,
  "models/churn.json": JSON.stringify(MODEL),
  "models/card.json": JSON.stringify(CARD),
  "models/evaluation.json": "{}",
};

/** Writes the workspace into a folder, which is returned. */
export function writeWorkspace(folder: string): string {
  for (const part of ["data", "models"]) mkdirSync(join(folder, part), { recursive: true });
  for (const [path, text] of Object.entries(FILES)) writeFileSync(join(folder, path), text);
  return folder;
}
