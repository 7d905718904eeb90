/** Who was given what: one code at a time, what all of them add up to, and the log of them by page. */

import { useId, useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import type { Texts } from "../../i18n/texts.ts";
import type { AdminApi, Problem } from "../api.ts";
import type { AuditRecord, CodePage, LogStats } from "../types.ts";
import { useAsked, useSettled } from "./asked.ts";
import { CodeCheck } from "./codes/check.tsx";
import { Charts, Sums } from "./codes/figures.tsx";
import { WholeRecord } from "./codes/record.tsx";
import { FileChoice, Search } from "./filters.tsx";
import { momentOf } from "./moment.ts";
import { Pager } from "./pager.tsx";
import { usePages } from "./pages.ts";
import { Trouble } from "./problem.tsx";
import { seconds } from "./seconds.ts";
import { type Column, Table } from "./table.tsx";
import type { ViewProperties } from "./views.ts";
import "./codes.css";
import { visible } from "./visible.ts";

const PER_PAGE = 25;

export function CodesView({ api, status }: ViewProperties) {
  // With every code that is won there is something new.
  const news = `${status?.round} ${status?.drop.remaining}`;
  const stats = useAsked(news, () => api.get<LogStats>("/api/admin/logs/stats"));
  return (
    <div class="codes">
      <Sums stats={stats.value} />
      <CodeCheck api={api} />
      {stats.problem !== null && <Trouble problem={stats.problem} />}
      {stats.value !== null && <Charts stats={stats.value} />}
      <Log api={api} news={news} />
    </div>
  );
}

function Log({ api, news }: { readonly api: AdminApi; readonly news: string }) {
  const texts = useTexts();
  const { text, number } = texts;
  const id = useId();
  const [search, setSearch] = useState("");
  const [file, setFile] = useState("");
  const [shown, show] = useState<AuditRecord | null>(null);
  const wanted = useSettled(search.trim());
  const { value, problem, isBusy, page, turn } = usePages(
    JSON.stringify([wanted, file]),
    (page) => api.get<CodePage>("/api/admin/logs", { page, per_page: PER_PAGE, search: wanted, file }),
    news,
  );

  return (
    <section class="log-of-codes" aria-labelledby={`${id}-title`}>
      <header class="shelf">
        <h2 id={`${id}-title`}>{text("codes.log.title")}</h2>
        <Export api={api} />
      </header>
      {/* biome-ignore lint/a11y/useSemanticElements: the element of that name is younger than many browsers. */}
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <Search label={text("codes.search")} value={search} change={setSearch} />
        <FileChoice value={file} change={setFile} files={value?.files ?? []} />
        <p class="found quiet" role="status">
          {value !== null && text("codes.found", { count: value.total })}
        </p>
      </form>
      {problem !== null && <Trouble problem={problem} />}
      <div aria-busy={isBusy}>
        {value !== null && (
          <Table
            caption={text("codes.log.title")}
            columns={columns(texts)}
            rows={value.records}
            keyOf={({ timestamp, invite_code, round }) => `${timestamp} ${round} ${invite_code}`}
            nameOf={({ invite_code }) => invite_code}
            actions={(record) => [{ label: text("codes.record.open"), run: () => show(record) }]}
            empty={text(wanted === "" && file === "" ? "codes.log.empty" : "codes.log.none")}
          />
        )}
      </div>
      {value !== null && value.pages > 1 && (
        <Pager
          page={page}
          pages={value.pages}
          turn={turn}
          label={text("codes.pages", { of: number(value.total) })}
        />
      )}
      {shown !== null && <WholeRecord api={api} record={shown} close={() => show(null)} />}
    </section>
  );
}

function columns(texts: Texts): readonly Column<AuditRecord>[] {
  const { text, number } = texts;
  const title = (key: string, named: Parameters<Texts["text"]>[0]) => ({ key, title: text(named) });
  return [
    {
      ...title("time", "codes.column.time"),
      cell: ({ timestamp }) => <time dateTime={timestamp}>{momentOf(Date.parse(timestamp), texts)}</time>,
    },
    {
      ...title("code", "codes.column.code"),
      cell: ({ invite_code }) => (
        <code class="cut" dir="auto" title={invite_code}>
          <bdi>{invite_code}</bdi>
        </code>
      ),
    },
    {
      ...title("visitor", "codes.visitor"),
      cell: ({ visitor_id, erased }) => <Personal value={visitor_id} erased={erased} />,
    },
    {
      ...title("address", "codes.column.address"),
      cell: ({ real_ip, erased }) => <Personal value={real_ip} erased={erased} />,
    },
    { ...title("round", "codes.column.round"), numeric: true, cell: ({ round }) => number(round) },
    {
      ...title("reason", "codes.column.reason"),
      cell: ({ reason }) =>
        text(reason === "consolation" ? "codes.reason.consolation" : "codes.reason.solved"),
    },
    {
      ...title("difficulty", "codes.column.difficulty"),
      numeric: true,
      cell: ({ difficulty }) => number(difficulty, 1),
    },
    {
      ...title("solve", "codes.column.solve"),
      numeric: true,
      cell: ({ solve_time }) => <span class="measure">{seconds(solve_time, texts)}</span>,
    },
  ];
}

/** What a client said about itself: text, kept apart from the direction of what stands around it. */
function Personal({ value, erased }: { readonly value: string; readonly erased: boolean }) {
  const { text } = useTexts();
  if (erased) return <span class="quiet">{text("codes.erased")}</span>;
  return (
    <span class="figure cut" dir="auto" title={visible(value)}>
      <bdi>{visible(value)}</bdi>
    </span>
  );
}

const FORMATS = ["csv", "json"] as const;

function Export({ api }: { readonly api: AdminApi }) {
  const { text } = useTexts();
  const [running, setRunning] = useState<string | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);

  async function save(format: (typeof FORMATS)[number]): Promise<void> {
    if (running !== null) return;
    setRunning(format);
    const day = new Date().toISOString().slice(0, 10);
    const answer = await api.download(
      "/api/admin/logs/export",
      { format },
      `hashpass-codes-${day}.${format}`,
    );
    setRunning(null);
    setProblem(answer.ok ? null : answer.problem);
  }

  return (
    <div class="export">
      {FORMATS.map((format) => (
        <button key={format} type="button" aria-disabled={running !== null} onClick={() => void save(format)}>
          {text(running === format ? "codes.export.running" : `codes.export.${format}`)}
        </button>
      ))}
      <div role="alert">{problem !== null && <Trouble problem={problem} />}</div>
    </div>
  );
}
