import { useId, useRef } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import type { Problem } from "../api.ts";
import type { Blacklist } from "../types.ts";
import { Trouble } from "./problem.tsx";
import { type Column, Table } from "./table.tsx";

interface BanListProperties {
  readonly list: Blacklist | null;
  readonly problem: Problem | null;
  /** Both ask first. */
  readonly ban: (network: string) => void;
  readonly unban: (network: string) => void;
}

/** Who may not come in, and a field to add to them. */
export function BanList({ list, problem, ban, unban }: BanListProperties) {
  const { text } = useTexts();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const columns: readonly Column<string>[] = [
    {
      key: "network",
      title: text("miners.network"),
      cell: (network) => <code>{network}</code>,
      sort: (network) => network,
    },
  ];

  function add(): void {
    const network = field.current?.value.trim() ?? "";
    if (network === "") field.current?.focus();
    else ban(network);
  }

  return (
    <section>
      <h2>{text("miners.blacklist")}</h2>
      <form
        class="line"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <label for={id}>{text("miners.network")}</label>
        <input
          ref={field}
          id={id}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          maxLength={64}
          aria-describedby={`${id}-hint`}
        />
        <button type="submit">{text("miners.ban")}</button>
        <small id={`${id}-hint`}>{text("miners.network.hint")}</small>
      </form>
      {problem !== null && <Trouble problem={problem} />}
      {list !== null && (
        <Table
          caption={text("miners.blacklist")}
          columns={columns}
          rows={list.banned_ips}
          keyOf={(network) => network}
          narrow
          actions={(network) => [{ label: text("miners.unban"), run: () => unban(network) }]}
          empty={text("miners.blacklist.none")}
        />
      )}
    </section>
  );
}
