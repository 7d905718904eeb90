import { useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import type { AdminApi, Problem } from "../api.ts";
import type { Status, WebhookStatus } from "../types.ts";
import { momentOf } from "./moment.ts";
import { Trouble } from "./problem.tsx";
import { type Column, Table } from "./table.tsx";

interface HealthProperties {
  readonly api: AdminApi;
  readonly status: Status;
}

/** Whether what the server does by itself gets done. */
export function Health({ api, status }: HealthProperties) {
  const { text, duration } = useTexts();
  return (
    <section class="health">
      <h2>{text("now.health")}</h2>
      <Tasks tasks={status.tasks} />
      <Webhooks api={api} webhooks={status.webhooks} />
      <p class="quiet">{text("now.server", { version: status.version, time: duration(status.uptime) })}</p>
    </section>
  );
}

function Tasks({ tasks }: Pick<Status, "tasks">) {
  const { text, number } = useTexts();
  const all = Object.entries(tasks);
  const down = all.filter(([, { state }]) => state !== "running" && state !== "finished");
  const columns: readonly Column<(typeof all)[number]>[] = [
    { key: "name", title: text("now.task"), cell: ([name]) => <TaskName name={name} /> },
    {
      key: "state",
      title: text("now.task.state"),
      cell: ([, { state }]) => text(`now.task.${state}`),
    },
    {
      key: "crashes",
      title: text("now.task.crashes"),
      cell: ([, { crashes }]) => number(crashes),
      numeric: true,
    },
  ];
  return (
    <details open={down.length > 0}>
      <summary class={down.length > 0 ? "odd" : undefined}>
        {down.length > 0
          ? text("now.tasks.down", { count: down.length })
          : text("now.tasks", { count: all.length })}
      </summary>
      <Table
        caption={text("now.health")}
        columns={columns}
        rows={all}
        keyOf={([name]) => name}
        narrow
        empty={text("console.none")}
      />
    </details>
  );
}

const JOBS = [
  "audit",
  "trail",
  "state",
  "webhooks",
  "verifier",
  "hub",
  "consoles",
  "sessions",
  "hashrate",
  "figures",
  "rounds",
  "race",
  "mail",
] as const;

/** What it does, and what the log calls it. */
function TaskName({ name }: { readonly name: string }) {
  const { text } = useTexts();
  const job = JOBS.find((one) => one === name);
  return (
    <>
      {job !== undefined && text(`now.job.${job}`)} <code class="short quiet">{name}</code>
    </>
  );
}

interface WebhookProperties {
  readonly api: AdminApi;
  readonly webhooks: WebhookStatus;
}

function Webhooks({ api, webhooks }: WebhookProperties) {
  const texts = useTexts();
  const { text, number } = texts;
  const [retried, setRetried] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const { enabled, pending, failed, delivered, refused, saved, failures } = webhooks;
  if (!enabled) return <p class="quiet">{text("now.webhooks.off")}</p>;

  async function retry(): Promise<void> {
    const answer = await api.post<{ readonly retried: number }>("/api/admin/webhooks/retry");
    setProblem(answer.ok ? null : answer.problem);
    setRetried(answer.ok ? answer.value.retried : null);
  }

  const values = { delivered: number(delivered), pending: number(pending), failed: number(failed) };
  const isFine = pending + failed === 0;
  const columns: readonly Column<WebhookStatus["failures"][number]>[] = [
    { key: "id", title: text("now.webhook.id"), cell: ({ id }) => <code class="short">{id}</code> },
    {
      key: "since",
      title: text("now.webhook.since"),
      cell: (failure) => <span class="short">{momentOf(failure.created_at * 1000, texts)}</span>,
    },
    { key: "error", title: text("now.webhook.error"), cell: (failure) => failure.last_error ?? "" },
  ];
  return (
    <section class="webhooks">
      <h3>{text("now.webhooks")}</h3>
      <p class={isFine ? undefined : "odd"}>
        {text(isFine ? "now.webhooks.fine" : "now.webhooks.state", values)}
      </p>
      {refused > 0 && <p class="odd">{text("now.webhooks.refused", { count: refused })}</p>}
      {!saved && <p class="odd">{text("now.webhooks.unsaved")}</p>}
      {!isFine && (
        <button type="button" onClick={() => void retry()}>
          {text("now.webhooks.retry")}
        </button>
      )}
      <p role="status">{retried !== null && text("now.webhooks.retried", { count: retried })}</p>
      <div role="alert">{problem !== null && <Trouble problem={problem} />}</div>
      {failures.length > 0 && (
        <Table
          caption={text("now.webhooks")}
          columns={columns}
          rows={failures}
          keyOf={({ id }) => id}
          empty={text("console.none")}
        />
      )}
    </section>
  );
}
