import { bring, brought } from "../../state/scored-file.ts";
import { view } from "../../state/view.ts";
import { Directory } from "./directory.tsx";
import { Panel } from "./panel.tsx";

/** Who is about to leave, and everything about one of them. */
export const CustomersPage = () => (
  // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut for the button of the same effect, which the keyboard reaches.
  <div
    class={view.value.customer === null && !brought.value ? "customers" : "customers open"}
    onDragOver={(event) => event.preventDefault()}
    onDrop={(event) => {
      event.preventDefault();
      const file = event.dataTransfer?.files[0];
      if (file) bring(file);
    }}
  >
    <h1 class="visually-hidden">Customers</h1>
    <Directory />
    <Panel />
  </div>
);
