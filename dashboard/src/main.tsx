import { render } from "preact";
import { App } from "./app.tsx";
import { followAddress } from "./state/view.ts";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/controls.css";
import "./styles/cards.css";
import "./styles/customers.css";
import "./styles/pages.css";

followAddress();
const root = document.getElementById("app");
if (root) render(<App />, root);
