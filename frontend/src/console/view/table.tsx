/** A real table: sortable by its heads, a head that stays in sight, and cards where there is no room for columns. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";

export interface Column<Row> {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** By what it is sorted, where it can be; null comes last, whichever way. */
  readonly sort?: (row: Row) => string | number | null;
  /** Its figures stand below each other. */
  readonly numeric?: boolean;
}

/** Something to be done with a row. `label` is all that is shown. */
export interface Action {
  readonly label: string;
  readonly run: () => void;
}

export interface Order {
  readonly key: string;
  readonly descending: boolean;
}

interface TableProperties<Row> {
  /** Names the table; not shown, since a heading stands above it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** Unlike every other row's; the rows may come in any order. */
  readonly keyOf: (row: Row) => string;
  /** What a row is called where its button is read aloud. */
  readonly nameOf?: (row: Row) => string;
  /** One action is a button of its own, several are a menu. */
  readonly actions?: (row: Row) => readonly Action[];
  readonly first?: Order;
  /** So few and short columns that it stays a table on a phone. */
  readonly narrow?: boolean;
  /** What stands in place of a table without rows. */
  readonly empty: string;
}

/** Rows drawn at once; the rest comes when it is asked for. */
const ENOUGH = 200;

export function Table<Row>(properties: TableProperties<Row>) {
  const { caption, columns, rows, keyOf, nameOf, actions, narrow, empty } = properties;
  const { text, language } = useTexts();
  const [order, setOrder] = useState<Order | null>(properties.first ?? null);
  const [most, setMost] = useState(ENOUGH);
  if (rows.length === 0) return <p class="empty">{empty}</p>;

  const sorted = sortRows(rows, columns, order, language);
  return (
    <div class={narrow ? "table narrow" : "table"}>
      <Sorting columns={columns} order={order} choose={setOrder} />
      <table>
        <caption class="aloud">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.key} column={column} order={order} choose={setOrder} />
            ))}
            {actions && (
              <th scope="col" class="acts">
                <span class="aloud">{text("table.actions")}</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, most).map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ key, title, cell, numeric }) => (
                <td key={key} data-label={title} class={numeric ? "numeric" : undefined}>
                  <div>{cell(row)}</div>
                </td>
              ))}
              {actions && (
                <td class="acts">
                  <Actions actions={actions(row)} name={nameOf?.(row) ?? keyOf(row)} />
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > most && (
        <p class="more">
          {text("table.shown", { shown: most, count: sorted.length })}{" "}
          <button type="button" onClick={() => setMost(most + ENOUGH)}>
            {text("table.more")}
          </button>
        </p>
      )}
    </div>
  );
}

/** The rows in the order that was asked for. Rows that are equal in it stay as they came. */
export function sortRows<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  order: Order | null,
  language: string,
): readonly Row[] {
  const by = columns.find(({ key }) => key === order?.key)?.sort;
  if (order === null || by === undefined) return rows;
  // So that 10.0.0.9 stands before 10.0.0.10.
  const collator = new Intl.Collator(language, { numeric: true });
  const sign = order.descending ? -1 : 1;
  return rows
    .map((row) => [by(row), row] as const)
    .sort(([one], [other]) => {
      if (one === null || other === null) return Number(one === null) - Number(other === null);
      if (typeof one === "number" && typeof other === "number") return sign * (one - other);
      return sign * collator.compare(String(one), String(other));
    })
    .map(([, row]) => row);
}

/** Numbers start with the largest, words with A; a second press turns it round. */
function turned<Row>(column: Column<Row>, order: Order | null): Order {
  const descending = order?.key === column.key ? !order.descending : column.numeric === true;
  return { key: column.key, descending };
}

interface SortProperties<Row> {
  readonly order: Order | null;
  readonly choose: (order: Order) => void;
  readonly column: Column<Row>;
}

function Head<Row>({ column, order, choose }: SortProperties<Row>) {
  const isSorted = order?.key === column.key;
  const direction = isSorted ? (order.descending ? "descending" : "ascending") : undefined;
  return (
    <th scope="col" class={column.numeric ? "numeric" : undefined} aria-sort={direction}>
      {column.sort === undefined ? (
        column.title
      ) : (
        <button type="button" class="sort" onClick={() => choose(turned(column, order))}>
          {column.title}
        </button>
      )}
    </th>
  );
}

/** Cards have no heads to press. */
function Sorting<Row>({
  columns,
  order,
  choose,
}: Omit<SortProperties<Row>, "column"> & { readonly columns: readonly Column<Row>[] }) {
  const { text } = useTexts();
  const id = useId();
  const sortable = columns.filter(({ sort }) => sort !== undefined);
  if (sortable.length === 0) return null;
  const present = sortable.find(({ key }) => key === order?.key);
  return (
    <div class="sorting">
      <label for={id}>{text("table.sort")}</label>
      <select
        id={id}
        value={present?.key ?? ""}
        onChange={({ currentTarget: { value } }) => {
          const column = sortable.find(({ key }) => key === value);
          if (column !== undefined) choose(turned(column, null));
        }}
      >
        {present === undefined && <option value="">–</option>}
        {sortable.map(({ key, title }) => (
          <option key={key} value={key}>
            {title}
          </option>
        ))}
      </select>
      {present !== undefined && (
        <button type="button" onClick={() => choose(turned(present, order))}>
          {text(order?.descending ? "table.descending" : "table.ascending")}
        </button>
      )}
    </div>
  );
}

function Actions({ actions, name }: { readonly actions: readonly Action[]; readonly name: string }) {
  const { text } = useTexts();
  const [only] = actions;
  if (only === undefined) return null;
  if (actions.length > 1) return <Menu actions={actions} name={name} />;
  return (
    <button type="button" aria-label={text("table.act", { action: only.label, name })} onClick={only.run}>
      {only.label}
    </button>
  );
}

function Menu({ actions, name }: { readonly actions: readonly Action[]; readonly name: string }) {
  const { text } = useTexts();
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const root = useRef<HTMLDivElement>(null);
  const title = text("table.actions");

  const items = () => [...(root.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];

  useEffect(() => {
    if (!isOpen) return;
    items()[0]?.focus();
    const outside = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);

  function close(): void {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (!isOpen) return;
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const to = {
      ArrowDown: (at + 1) % all.length,
      ArrowUp: (at - 1 + all.length) % all.length,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      all[to]?.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Tab") setOpen(false);
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the menu and the button inside.
    <div class="menu" ref={root} onKeyDown={onKeyDown}>
      <button
        type="button"
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        aria-label={text("table.act", { action: title, name })}
        onClick={() => setOpen(!isOpen)}
      >
        {title}
      </button>
      {isOpen && (
        <div role="menu" id={id} aria-label={name}>
          {actions.map(({ label, run }) => (
            <button
              key={label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                // The focus is back before a dialog opens, so that it comes back here again.
                close();
                run();
              }}
            >
              {label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
