import { view } from "../../state/view.ts";
import { Directory } from "./directory.tsx";
import { Panel } from "./panel.tsx";

/** Who is about to leave, and everything about one of them. */
export const CustomersPage = () => (
  <div class={view.value.customer === null ? "customers" : "customers open"}>
    <h1 class="visually-hidden">Customers</h1>
    <Directory />
    <Panel />
  </div>
);
