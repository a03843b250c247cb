import { useEffect } from "preact/hooks";
import { waiting } from "../api/busy.ts";
import { announce, announcement } from "../state/announcement.ts";

/** The region from which screen readers read announcements. */
export function Announcer() {
  const isBusy = waiting.value > 0;
  useEffect(() => {
    if (isBusy) announce("The server is busy. Trying again shortly.");
  }, [isBusy]);
  const { text, number } = announcement.value;
  return (
    <div class="visually-hidden" aria-live="polite">
      {/* A new element is read even where it says the same again. */}
      <p key={number}>{text}</p>
    </div>
  );
}
