import { Notice } from "../../design/notice.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Status } from "../types.ts";
import { DropLine } from "./drop.tsx";
import { Figures } from "./figures.tsx";
import { Health } from "./health.tsx";
import { Trends } from "./trends.tsx";
import type { ViewProperties } from "./views.ts";

/** What happens at this moment, at a glance. */
export function NowView({ api, status, history, rates }: ViewProperties) {
  const { text } = useTexts();
  if (status === null) return <p class="empty">{text("console.none")}</p>;
  return (
    <div class="now">
      {isDegraded(status) && (
        <Notice tone="fail" title={text("now.degraded")}>
          <p>{text("now.degraded.text")}</p>
        </Notice>
      )}
      <DropLine status={status} />
      <Figures status={status} history={history} />
      <Trends status={status} rates={rates} />
      <Health api={api} status={status} />
    </div>
  );
}

function isDegraded(status: Status): boolean {
  return status.status !== "ok";
}
