import { useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import type { AdminApi } from "../api.ts";
import type { SessionList as List, SessionView } from "../types.ts";
import { useAsked } from "./asked.ts";
import { useEvery } from "./every.ts";
import { Trouble } from "./problem.tsx";
import { type Column, Table } from "./table.tsx";
import { visible } from "./visible.ts";

const EVERY = 5000;

interface SessionProperties {
  readonly api: AdminApi;
  /** How many there are; null while nobody knows. */
  readonly count: number | null;
  /** The server's wall clock. */
  readonly now: number;
  readonly ban: (ip: string) => void;
}

/** Asked for only while it is open: the list can be long. */
export function SessionList({ api, count, now, ban }: SessionProperties) {
  const { text, number } = useTexts();
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {text("miners.sessions")} {count !== null && <span class="figure">{number(count)}</span>}
      </summary>
      {isOpen && <Sessions api={api} now={now} ban={ban} />}
    </details>
  );
}

function Sessions({ api, now, ban }: Omit<SessionProperties, "count">) {
  const { text, number, duration } = useTexts();
  const { value, problem, again } = useAsked("sessions", () => api.get<List>("/api/admin/sessions"));
  useEvery(EVERY, again);
  const ago = (at: number) => duration(Math.max(0, now - at));
  const columns: readonly Column<SessionView>[] = [
    {
      key: "session",
      title: text("miners.session"),
      cell: ({ token_preview: preview }) => <code class="short">{preview}</code>,
    },
    { key: "ip", title: text("miners.ip"), cell: ({ ip }) => <code>{ip}</code>, sort: ({ ip }) => ip },
    {
      key: "visitor",
      title: text("miners.visitor"),
      cell: ({ visitor_id: visitor }) => (
        <bdi class="visitor">{visitor === null ? "–" : visible(visitor)}</bdi>
      ),
      sort: ({ visitor_id: visitor }) => visitor,
    },
    {
      key: "opened",
      title: text("miners.opened"),
      cell: ({ created_at: at }) => text("miners.ago", { time: ago(at) }),
      sort: ({ created_at: at }) => now - at,
      numeric: true,
    },
    {
      key: "state",
      title: text("miners.state"),
      cell: ({ is_connected: isConnected, disconnected_at: at }) =>
        isConnected || at === null
          ? text(isConnected ? "miners.connected" : "miners.idle")
          : text("miners.gone", { time: ago(at) }),
      sort: ({ is_connected: isConnected, disconnected_at: at }) => (isConnected ? 0 : (at ?? 1)),
    },
  ];
  if (value === null) return problem && <Trouble problem={problem} />;
  const { sessions, total } = value;
  return (
    <div>
      {problem !== null && <Trouble problem={problem} />}
      {total > sessions.length && (
        <p class="quiet">
          {text("miners.sessions.newest", { shown: sessions.length, count: number(total) })}
        </p>
      )}
      <Table
        caption={text("miners.sessions")}
        columns={columns}
        rows={sessions}
        keyOf={({ token_preview: preview, created_at: at }) => `${preview} ${at}`}
        nameOf={({ ip }) => ip}
        actions={({ ip }) => [{ label: text("miners.ban"), run: () => ban(ip) }]}
        empty={text("miners.sessions.none")}
      />
    </div>
  );
}
