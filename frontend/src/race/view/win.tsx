import { useRef } from "preact/hooks";
import { Copy } from "../../design/copy.tsx";
import { Tiles } from "../../design/tiles.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Prize } from "../state.ts";

interface WinProperties {
  /** Newest first, at least one. */
  readonly prizes: readonly [Prize, ...Prize[]];
  /** Whether it was won just now, so that it may be celebrated. */
  readonly fresh: boolean;
}

const TILES = 12;

/** Takes the place of the invitation to play. */
export function Win({ prizes: [newest, ...earlier], fresh }: WinProperties) {
  const { text, parts } = useTexts();
  const [next, kept] = parts("win.next");
  return (
    <section class={fresh ? "win fresh" : "win"}>
      {/* Only these are new with each win: whoever is at the button that copies stays there. */}
      <Tiles key={newest.code} count={TILES} filled={TILES} stagger={45} />
      <h1>{text(newest.reason === "solved" ? "win.title" : "win.consolation")}</h1>
      <p>{next}</p>
      <Code value={newest.code} first={true} />
      <small>{kept}</small>
      {earlier.length > 0 && (
        <div class="earlier">
          <h2>{text("win.earlier")}</h2>
          {/* biome-ignore lint/a11y/noRedundantRoles: Safari takes a list without bullets for no list. */}
          <ul role="list">
            {earlier.map(({ code }) => (
              <li key={code}>
                <Code value={code} first={false} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}

function Code({ value, first }: { readonly value: string; readonly first: boolean }) {
  const shown = useRef<HTMLElement>(null);
  // A long code breaks after its prefix before it breaks anywhere else.
  const [, prefix = "", rest = value] = /^([A-Z0-9]+-)(.+)$/.exec(value) ?? [];
  return (
    <div class="code">
      <code ref={shown} dir="ltr" translate={false}>
        {prefix}
        <wbr />
        {rest}
      </code>
      <Copy value={value} shownIn={() => shown.current} first={first} />
    </div>
  );
}
