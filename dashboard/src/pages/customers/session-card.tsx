import type { DeedKind } from "../../api/requests.ts";
import { Card } from "../../components/card.tsx";
import { deeds } from "../../state/session.ts";

const WORDS: Record<DeedKind, string> = {
  applied: "Applied",
  rotated: "Rotated",
  exported: "Exported",
  sent: "Sent",
  accepted: "Accepted",
  declined: "Declined",
};

const clock = new Intl.DateTimeFormat("en-US", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hour12: false,
});

/** What was done with this customer in this session. */
export function SessionCard({ customer }: { customer: string }) {
  const own = deeds.value.filter((deed) => deed.customer === customer);
  return (
    <Card title="This session" note="Each of these is noted in the usage log.">
      {own.length === 0 ? (
        <p class="small muted">No action yet: apply, rotate, send or export.</p>
      ) : (
        <ol class="session small">
          {own.map((deed) => (
            <li key={deed.at.getTime()}>
              <time dateTime={deed.at.toISOString()}>{clock.format(deed.at)}</time>
              <span>
                {WORDS[deed.kind]}: {deed.subject}
                {deed.problem && <span class="failed"> (not noted: {deed.problem.detail})</span>}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
}
