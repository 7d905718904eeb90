/** What the server knows of one code, and the button that redeems it. */

import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "../../../design/icons.tsx";
import { useTexts } from "../../../i18n/speech.tsx";
import type { Texts } from "../../../i18n/texts.ts";
import type { AdminApi } from "../../api.ts";
import type { CodeStatus } from "../../types.ts";
import { useAsked } from "../asked.ts";
import { useConfirm } from "../confirm.tsx";
import { Trouble } from "../problem.tsx";
import { visible } from "../visible.ts";

interface CodeStateProperties {
  readonly api: AdminApi;
  readonly code: string;
  /** Counts the times it was asked for: the same code may be asked about twice. */
  readonly turn?: number;
}

export function CodeState({ api, code, turn = 0 }: CodeStateProperties) {
  const texts = useTexts();
  const { ask, dialog } = useConfirm();
  const asked = useAsked(`${turn} ${code}`, async () => {
    const answer = await api.post<CodeStatus>("/api/admin/codes/check", { invite_code: code });
    return answer.ok ? { ok: true, value: { of: code, status: answer.value } } : answer;
  });
  const status = asked.value?.of === code ? asked.value.status : null;
  const isValid = status?.valid === true;
  const root = useRef<HTMLDivElement>(null);
  const wasValid = useRef(false);
  useEffect(() => {
    // The button went, and the focus with it: whoever works by keyboard stays where the answer is.
    const lost = document.activeElement === document.body || document.activeElement?.tagName === "DIALOG";
    if (wasValid.current && !isValid && lost) root.current?.focus();
    wasValid.current = isValid;
  }, [isValid]);

  function redeem(): void {
    ask({
      title: texts.text("codes.redeem.title"),
      text: (
        <>
          <p>{texts.text("codes.redeem.text")}</p>
          <p class="the-code">
            <code>
              <bdi>{code}</bdi>
            </code>
          </p>
        </>
      ),
      label: texts.text("codes.redeem.do"),
      async run() {
        const answer = await api.post("/api/admin/codes/redeem", { invite_code: code });
        // Also when it was refused: somebody may have been faster, and then there is something new to say.
        asked.again();
        return answer;
      },
    });
  }

  return (
    <div class="code-state" ref={root} tabIndex={-1}>
      <div role="status">
        {asked.problem !== null ? (
          <Trouble problem={asked.problem} />
        ) : status === null ? (
          <p class="quiet">{texts.text("codes.check.running")}</p>
        ) : (
          <Verdict code={code} status={status} texts={texts} />
        )}
      </div>
      {isValid && (
        <button type="button" class="first" onClick={redeem}>
          {texts.text("codes.redeem.ask")}
        </button>
      )}
      {dialog}
    </div>
  );
}

const LOOKS = {
  issued: ["good", "done"],
  redeemed: ["care", "care"],
  expired: ["fail", "fail"],
  revoked: ["fail", "fail"],
  unknown: ["fail", "fail"],
} as const satisfies Readonly<Record<CodeStatus["status"], readonly [string, IconName]>>;

function Verdict({
  code,
  status,
  texts,
}: {
  readonly code: string;
  readonly status: CodeStatus;
  readonly texts: Texts;
}) {
  const { text, date } = texts;
  const [tone, icon] = LOOKS[status.status] ?? LOOKS.unknown;
  const [title, sentence] = texts.parts(`codes.state.${status.status}`, {
    time: status.redeemed_at === null ? "" : date(Date.parse(status.redeemed_at)),
  });
  return (
    <section class={`notice ${tone}`}>
      <Icon name={icon} />
      <h3>{title}</h3>
      <p class="the-code">
        <code>
          <bdi>{code}</bdi>
        </code>
      </p>
      <p>{sentence}</p>
      {status.issued_at !== null && (
        <p class="quiet">
          {text("codes.state.issue", {
            time: date(Date.parse(status.issued_at)),
            round: status.round ?? "–",
          })}
          {status.visitor_id !== null && (
            <>
              {" · "}
              {text("codes.visitor")} <bdi class="figure">{visible(status.visitor_id)}</bdi>
            </>
          )}
        </p>
      )}
    </section>
  );
}
