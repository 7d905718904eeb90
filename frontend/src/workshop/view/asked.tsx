/** The two dialogs that ask before something happens. */

import { useState } from "preact/hooks";
import { useTexts } from "../../i18n/speech.tsx";
import type { Refusal } from "../api.ts";
import type { Workshop } from "../workshop.ts";
import { Dialog } from "./dialog.tsx";
import { Refused } from "./refused.tsx";
import { shorten } from "./words.ts";

export function LogOut({ workshop, user }: { readonly workshop: Workshop; readonly user: string }) {
  const { text } = useTexts();
  const [busy, setBusy] = useState(false);
  const [refusal, refuse] = useState<Refusal | null>(null);

  async function leave(): Promise<void> {
    if (busy) return;
    setBusy(true);
    refuse(null);
    const answer = await workshop.logOut();
    setBusy(false);
    if (!answer.ok) refuse(answer.refusal);
  }

  return (
    <Dialog title={text("workshop.log-out")} close={workshop.close}>
      <p>{text("workshop.log-out.text", { user: shorten(user) })}</p>
      <Refused refusal={refusal} />
      <div class="choices">
        <button type="button" class="first" aria-disabled={busy} onClick={() => void leave()}>
          {text("workshop.log-out")}
        </button>
        <button type="button" onClick={workshop.close}>
          {text("workshop.stay")}
        </button>
      </div>
    </Dialog>
  );
}

export function Adjust({ workshop, seed }: { readonly workshop: Workshop; readonly seed: string }) {
  const { text } = useTexts();
  return (
    <Dialog title={text("workshop.adjust")} close={workshop.close}>
      <p>{text("workshop.adjust.text")}</p>
      <div class="choices">
        <button type="button" class="first" onClick={() => workshop.adjust(seed)}>
          {text("workshop.adjust.same")}
        </button>
        <button type="button" onClick={() => workshop.adjust(null)}>
          {text("workshop.adjust.new")}
        </button>
        <button type="button" onClick={workshop.close}>
          {text("workshop.cancel")}
        </button>
      </div>
    </Dialog>
  );
}
