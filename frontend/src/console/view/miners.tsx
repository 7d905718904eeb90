import { useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import { networkOf } from "../network.ts";
import type { Blacklist, Miner, MinerList } from "../types.ts";
import { useAsked } from "./asked.ts";
import { BanList } from "./bans.tsx";
import { type Question, useConfirm } from "./confirm.tsx";
import { useEvery } from "./every.ts";
import { Trouble } from "./problem.tsx";
import { SessionList } from "./sessions.tsx";
import { type Column, Table } from "./table.tsx";
import type { ViewProperties } from "./views.ts";

const EVERY = 5000;

interface Banned {
  readonly banned: string;
  readonly closed: number;
  readonly revoked: number;
}

/** Who takes part, and who may not. */
export function MinersView({ api, status }: ViewProperties) {
  const { text } = useTexts();
  const miners = useAsked("miners", () => api.get<MinerList>("/api/admin/miners"));
  const bans = useAsked(`bans ${status?.banned_count}`, () => api.get<Blacklist>("/api/admin/blacklist"));
  const { ask, dialog } = useConfirm();
  const [said, say] = useState("");
  useEvery(EVERY, miners.again);
  const now = status?.timestamp ?? Date.now() / 1000;

  function ban(written: string): void {
    const network = networkOf(written);
    const concerned = (miners.value?.miners ?? []).filter(({ ip }) => networkOf(ip) === network).length;
    ask({
      title: text("miners.ban.ask", { network }),
      text: <BanText ip={written} network={network} concerned={concerned} />,
      label: text("miners.ban"),
      run: async () => {
        const answer = await api.post<Banned>("/api/admin/kick", { ip: written });
        if (answer.ok) {
          const { banned, closed, revoked } = answer.value;
          say(text("miners.banned", { network: banned, closed, revoked }));
          miners.again();
          bans.again();
        }
        return answer;
      },
    });
  }

  function unban(network: string): void {
    const question: Question = {
      title: text("miners.unban.ask", { network }),
      text: <p>{text("miners.unban.text")}</p>,
      label: text("miners.unban"),
      run: async () => {
        const answer = await api.post("/api/admin/unban", { ip: network });
        if (answer.ok) {
          say(text("miners.unbanned", { network }));
          bans.again();
        }
        return answer;
      },
    };
    ask(question);
  }

  return (
    <div class="miners">
      <p class="done" role="status">
        {said}
      </p>
      {miners.problem !== null && <Trouble problem={miners.problem} />}
      {miners.value !== null && <MinerTable list={miners.value} now={now} ban={ban} />}
      <BanList list={bans.value} problem={bans.problem} ban={ban} unban={unban} />
      <SessionList api={api} count={status?.session_count ?? null} now={now} ban={ban} />
      {dialog}
    </div>
  );
}

function BanText(properties: { readonly ip: string; readonly network: string; readonly concerned: number }) {
  const { ip, network, concerned } = properties;
  const { text } = useTexts();
  return (
    <>
      {ip.includes(":") && network !== ip && <p>{text("miners.ban.wide", { ip, network })}</p>}
      <p>{text("miners.ban.text")}</p>
      {concerned > 0 && <p>{text("miners.ban.count", { count: concerned })}</p>}
    </>
  );
}

interface MinerTableProperties {
  readonly list: MinerList;
  /** The server's wall clock. */
  readonly now: number;
  readonly ban: (ip: string) => void;
}

function MinerTable({ list, now, ban }: MinerTableProperties) {
  const { text, rate, duration } = useTexts();
  const [wanted, want] = useState("");
  const ago = (at: number) => duration(Math.max(0, now - at));
  const columns: readonly Column<Keyed>[] = [
    { key: "ip", title: text("miners.ip"), cell: ({ ip }) => <code>{ip}</code>, sort: ({ ip }) => ip },
    {
      key: "rate",
      title: text("miners.rate"),
      cell: ({ hashrate }) => rate(hashrate),
      sort: ({ hashrate }) => hashrate,
      numeric: true,
    },
    { key: "state", title: text("miners.state"), cell: (miner) => <State miner={miner} />, sort: rankOf },
    {
      key: "since",
      title: text("miners.since"),
      cell: ({ connected_since: since }) => ago(since),
      sort: ({ connected_since: since }) => now - since,
      numeric: true,
    },
    {
      key: "seen",
      title: text("miners.seen"),
      cell: ({ last_seen: seen }) => text("miners.ago", { time: ago(seen) }),
      sort: ({ last_seen: seen }) => now - seen,
      numeric: true,
    },
  ];
  const total = list.miners.reduce((sum, { hashrate, overspeed }) => sum + (overspeed ? 0 : hashrate), 0);
  const found = list.miners.filter(({ ip }) => ip.includes(wanted.trim().toLowerCase()));
  return (
    <section>
      <header class="over">
        <p>{text("miners.total", { count: list.total, rate: rate(total) })}</p>
        {list.miners.length > 0 && (
          <label>
            <span class="find">{text("miners.find")}</span>
            <input type="search" value={wanted} onInput={(event) => want(event.currentTarget.value)} />
          </label>
        )}
      </header>
      <Table
        caption={text("rail.miners")}
        columns={columns}
        rows={withKeys(found)}
        keyOf={({ key }) => key}
        nameOf={({ ip }) => ip}
        actions={({ ip }) => [{ label: text("miners.ban"), run: () => ban(ip) }]}
        first={{ key: "rate", descending: true }}
        empty={text(list.miners.length === 0 ? "miners.none" : "miners.nobody")}
      />
    </section>
  );
}

/** What needs a look comes first. */
function rankOf({ overspeed, mining }: Miner): number {
  return overspeed ? 0 : mining ? 1 : 2;
}

function State({ miner: { overspeed, mining } }: { readonly miner: Miner }) {
  const { text } = useTexts();
  return (
    <>
      {text(mining ? "miners.mining" : "miners.idle")}
      {overspeed && <strong class="odd">{text("miners.overspeed")}</strong>}
    </>
  );
}

interface Keyed extends Miner {
  readonly key: string;
}

/** One address may have several connections, even of one instant; a row must stay the same row over the updates. */
function withKeys(miners: readonly Miner[]): readonly Keyed[] {
  const seen = new Map<string, number>();
  return miners.map((miner) => {
    const name = `${miner.ip} ${miner.connected_since}`;
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return { ...miner, key: `${name} ${before}` };
  });
}
