/** Coming online again. */
import type { Problem } from "../api/client.ts";

/** Calls back once, when the browser next comes online. The function that is returned cancels this. */
export function whenOnline(callback: () => void): () => void {
  addEventListener("online", callback, { once: true });
  return () => removeEventListener("online", callback);
}

/** Whether a problem may be gone once the connection is back: no answer, or one that does not blame the request. */
export const isPassing = ({ status }: Problem): boolean => status === 0 || status === 429 || status >= 500;
