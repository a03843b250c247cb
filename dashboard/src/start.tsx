import { App } from "./app.tsx";
import { ProblemNote } from "./components/problem-note.tsx";
import { PageSkeleton } from "./components/skeletons.tsx";
import { useAnswer } from "./state/request.ts";
import { hasSchema, loadSchema } from "./state/schema.ts";

/** Loads the schema, then shows the dashboard. */
export const Start = () => (hasSchema() ? <App /> : <Loading />);

function Loading() {
  const schema = useAnswer(loadSchema, "schema");
  if (schema.state === "refused") return <ProblemNote problem={schema.problem} retry={schema.retry} />;
  return schema.state === "pending" && schema.wait === "long" ? <PageSkeleton /> : null;
}
