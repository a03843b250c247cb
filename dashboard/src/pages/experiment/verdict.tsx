import type { Readout } from "../../api/types.ts";

const WORDS: Record<Readout["decision"], string> = {
  ship: "Ship it",
  roll_back: "Roll back",
  keep_running: "Keep running",
  invalid: "Invalid",
};

/** The decision and its reason in one sentence. */
export const Verdict = ({ readout }: { readout: Pick<Readout, "decision" | "reason"> }) => (
  <p class={`decision ${readout.decision}`}>
    <strong>{WORDS[readout.decision]}.</strong> {readout.reason}
  </p>
);
