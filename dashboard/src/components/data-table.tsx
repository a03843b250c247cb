import type { ComponentChildren } from "preact";

interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers stand to the right. */
  readonly numeric?: boolean;
}

interface Props<Row> {
  /** What the table holds. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
}

/** Rows and columns; the first column names the row. */
export function DataTable<Row>({ caption, columns, rows }: Props<Row>) {
  const [first, ...others] = columns;
  if (!first) return null;
  return (
    // A table wider than a phone scrolls by itself, by keyboard too.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard
    <section class="table-room" aria-label={caption} tabIndex={0}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} scope="col" class={column.numeric ? "number" : undefined}>
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              <th scope="row">{first.cell(row)}</th>
              {others.map((column) => (
                <td key={column.head} class={column.numeric ? "number" : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The numbers behind a chart, for those who cannot see it or want to copy them. */
export function AsTable<Row>(props: Props<Row>) {
  return (
    <details class="as-table">
      <summary>Show as a table</summary>
      <DataTable {...props} />
    </details>
  );
}
