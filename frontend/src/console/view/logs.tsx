/** The server's own log, newest first. Its lines tell of what clients sent: they are text, whatever stands in them. */

import { useState } from "preact/hooks";
import { Icon } from "../../design/icons.tsx";
import { Switch } from "../../design/switch.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { LinePage, LogLine } from "../types.ts";
import { useSettled } from "./asked.ts";
import { useEvery } from "./every.ts";
import { Choice, FileChoice, type Option, Search } from "./filters.tsx";
import { momentOf } from "./moment.ts";
import { Pager } from "./pager.tsx";
import { usePages } from "./pages.ts";
import { Trouble } from "./problem.tsx";
import type { ViewProperties } from "./views.ts";
import "./logs.css";

const PER_PAGE = 100;
const EVERY = 5000;
const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] as const;

export function LogsView({ api }: ViewProperties) {
  const { text, number } = useTexts();
  const [search, setSearch] = useState("");
  const [level, setLevel] = useState("");
  const [file, setFile] = useState("");
  const [isLive, setLive] = useState(true);
  const wanted = useSettled(search.trim());
  const { value, problem, isBusy, again, page, turn } = usePages(
    JSON.stringify([wanted, level, file]),
    (page) =>
      api.get<LinePage>("/api/admin/applogs", { page, per_page: PER_PAGE, search: wanted, level, file }),
  );
  // Behind the first page it is the past that is read, and it must not move under the eye.
  const follows = isLive && page === 1 && !isBusy;

  useEvery(EVERY, () => follows && again());

  return (
    <div class="logs">
      {/* biome-ignore lint/a11y/useSemanticElements: the element of that name is younger than many browsers. */}
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <Search label={text("logs.search")} value={search} change={setSearch} />
        <Choice
          label={text("logs.level")}
          value={level}
          change={setLevel}
          options={[
            ["", text("logs.level.all")],
            ...LEVELS.map((name): Option => [name, text("logs.level.from", { level: name })]),
          ]}
        />
        <FileChoice value={file} change={setFile} files={value?.files ?? []} />
        <Switch on={isLive} change={setLive} label={text("logs.live")}>
          {text(page === 1 ? "logs.live.text" : "logs.live.waits")}
        </Switch>
        <p class="found quiet" role="status">
          {value !== null && text("logs.found", { count: value.total })}
        </p>
      </form>
      {problem !== null && <Trouble problem={problem} />}
      {value !== null && <Lines lines={value.lines} />}
      {value !== null && value.pages > 1 && (
        <Pager
          page={page}
          pages={value.pages}
          turn={turn}
          label={text("logs.pages", { of: number(value.total) })}
        />
      )}
    </div>
  );
}

function Lines({ lines }: { readonly lines: readonly LogLine[] }) {
  const { text } = useTexts();
  if (lines.length === 0) return <p class="empty">{text("logs.none")}</p>;
  const seen = new Map<string, number>();
  return (
    // biome-ignore lint/a11y/noRedundantRoles: Safari takes a list without bullets for no list.
    <ol class="lines" role="list" aria-label={text("logs.title")} dir="ltr">
      {lines.map((line) => {
        // A line keeps its element while newer ones come above it, and with that what was opened in it.
        const words = `${line.timestamp} ${line.logger} ${line.message}`;
        const before = seen.get(words) ?? 0;
        seen.set(words, before + 1);
        return <Entry key={`${words} ${before}`} line={line} />;
      })}
    </ol>
  );
}

const MARKED: Readonly<Record<string, "care" | "fail">> = {
  WARNING: "care",
  ERROR: "fail",
  CRITICAL: "fail",
};
/** Characters that are shown at once; a traceback may have thirty thousand. */
const SHORT = 400;

function Entry({ line: { timestamp, level, logger, message } }: { readonly line: LogLine }) {
  const texts = useTexts();
  const mark = MARKED[level];
  const at = Date.parse(timestamp);
  const [head, rest] = shorten(message);
  return (
    <li class={mark}>
      {timestamp !== "" && !Number.isNaN(at) && (
        <p class="about">
          <time dateTime={timestamp} title={texts.date(at)}>
            {momentOf(at, texts)}
          </time>
          <strong>
            {mark !== undefined && <Icon name={mark} />}
            {level}
          </strong>
        </p>
      )}
      {rest === "" ? (
        <p class="figure message">
          <From logger={logger} />
          {head}
        </p>
      ) : (
        <details>
          <summary class="figure">
            <span>
              <From logger={logger} />
              {head} …
            </span>
          </summary>
          <p class="figure message">{layOut(message)}</p>
        </details>
      )}
    </li>
  );
}

function From({ logger }: { readonly logger: string }) {
  return logger === "" ? null : <span class="quiet">{logger}: </span>;
}

/** The first line of a message, and what there is more of it. */
export function shorten(message: string): readonly [head: string, rest: string] {
  const trace = message.indexOf(TRACE);
  const end = Math.min(trace < 0 ? message.length : trace, SHORT);
  return [message.slice(0, end), message.slice(end)];
}

const TRACE = "\\nTraceback (most recent call last)";

/** The log spells out what breaks lines. A traceback is read by its lines, so they are broken again, and only there. */
export function layOut(message: string): string {
  const trace = message.indexOf(TRACE);
  return trace < 0 ? message : message.slice(0, trace) + message.slice(trace).replaceAll("\\n", "\n");
}
