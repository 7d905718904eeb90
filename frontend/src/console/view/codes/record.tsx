import { useId, useRef } from "preact/hooks";
import { Copy } from "../../../design/copy.tsx";
import { useModal } from "../../../design/modal.ts";
import { useTexts } from "../../../i18n/speech.tsx";
import type { AdminApi } from "../../api.ts";
import type { AuditRecord } from "../../types.ts";
import { visible } from "../visible.ts";
import { CodeState } from "./state.tsx";

interface RecordProperties {
  readonly api: AdminApi;
  readonly record: AuditRecord;
  readonly close: () => void;
}

/** A record whole, under the names that it has in the log and in the export. All of it is text and nothing else. */
export function WholeRecord({ api, record, close }: RecordProperties) {
  const { text } = useTexts();
  const id = useId();
  const dialog = useModal();
  const list = useRef<HTMLDListElement>(null);

  return (
    <dialog
      ref={dialog}
      class="record"
      aria-labelledby={`${id}-title`}
      onCancel={(event) => {
        // A question on top of it is cancelled by itself.
        if (event.target !== event.currentTarget) return;
        event.preventDefault();
        close();
      }}
    >
      <header>
        <h2 id={`${id}-title`}>{text("codes.record.title", { round: record.round })}</h2>
        <button type="button" onClick={close}>
          {text("codes.record.close")}
        </button>
      </header>
      <CodeState api={api} code={record.invite_code} />
      {record.erased && <p>{text("codes.record.erased")}</p>}
      <dl ref={list}>
        {Object.entries(record).map(([name, value]) => (
          <div key={name}>
            <dt>
              <code>{name}</code>
            </dt>
            <dd class="figure">
              <bdi>{visible(typeof value === "string" ? value : JSON.stringify(value))}</bdi>
            </dd>
          </div>
        ))}
      </dl>
      <footer>
        <Copy value={JSON.stringify(record, null, 2)} shownIn={() => list.current} />
      </footer>
    </dialog>
  );
}
