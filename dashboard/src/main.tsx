import { render } from "preact";
import { Problem } from "./api/client.ts";
import { ProblemNote } from "./components/problem-note.tsx";
import { Start } from "./start.tsx";
import { whenOnline } from "./state/connection.ts";
import { signIn } from "./state/sign-in.ts";
import { followAddress } from "./state/view.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/controls.css";
import "./styles/cards.css";
import "./styles/customers.css";
import "./styles/pages.css";

const root = document.getElementById("app");
if (root) {
  signIn().then(
    () => {
      followAddress();
      render(<Start />, root);
    },
    (error: unknown) => {
      if (error instanceof TypeError) {
        // The issuer was not reached; the address still holds the view.
        const reload = () => location.reload();
        whenOnline(reload);
        render(<ProblemNote problem={Problem.from(error)} retry={reload} />, root);
        return;
      }
      const detail = error instanceof Error ? error.message : "The reason is not known.";
      render(<ProblemNote problem={new Problem("Signing in failed", detail, 0)} retry={startAgain} />, root);
    },
  );
}

/** Opens the dashboard anew, without what the issuer put into the address. */
function startAgain() {
  location.assign(location.pathname);
}
