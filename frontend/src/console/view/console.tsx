import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Mark } from "../../design/icons.tsx";
import { LanguageSelect } from "../../design/language.tsx";
import { ThemeButton } from "../../design/theme.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Desk, DeskState } from "../desk.ts";
import { CodesView } from "./codes.tsx";
import { ControlsView } from "./controls.tsx";
import { LogIn } from "./login.tsx";
import { LogsView } from "./logs.tsx";
import { MinersView } from "./miners.tsx";
import { NowView } from "./now.tsx";
import { ReachLine } from "./reach.tsx";
import type { ViewProperties } from "./views.ts";

const VIEWS = {
  now: NowView,
  miners: MinersView,
  codes: CodesView,
  logs: LogsView,
  controls: ControlsView,
} as const satisfies Record<string, ComponentType<ViewProperties>>;

type Place = keyof typeof VIEWS;

const PLACES = Object.keys(VIEWS) as readonly Place[];

/** What the address names: `#/miners`. */
function placeOf(hash: string): Place {
  return PLACES.find((place) => hash === `#/${place}`) ?? "now";
}

export function Console({ desk }: { readonly desk: Desk }) {
  const { text } = useTexts();
  const state = useDesk(desk);
  const place = usePlace();
  const View = VIEWS[place];
  const title = text("console.title");

  useEffect(() => {
    document.title = state.isIn ? `${text(`rail.${place}`)} · ${title}` : title;
  }, [place, state.isIn, text, title]);

  return (
    <>
      <header class="top">
        <p class="name">
          <Mark />
          <span>HashPass</span>
        </p>
        {state.isIn && <ReachLine state={state} retry={desk.retry} />}
        <LanguageSelect />
        <ThemeButton />
        {state.isIn && (
          <button type="button" class="leave" onClick={desk.logOut}>
            {text("console.out")}
          </button>
        )}
      </header>
      {state.isIn ? (
        <div class="console">
          <Rail place={place} />
          <main>
            <Heading place={place} />
            <View
              key={place}
              api={desk.api}
              status={state.status}
              history={state.history}
              rates={state.rates}
            />
          </main>
        </div>
      ) : (
        <LogIn desk={desk} ended={state.ended} />
      )}
    </>
  );
}

function Rail({ place }: { readonly place: Place }) {
  const { text } = useTexts();
  const rail = useRef<HTMLElement>(null);
  useEffect(() => {
    // Where the tabs do not all fit, and another one was chosen by its address.
    const tab = rail.current?.querySelector(`[href="#/${place}"]`);
    tab?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [place]);
  return (
    <nav ref={rail} class="rail" aria-label={text("rail.label")}>
      <ul>
        {PLACES.map((each) => (
          <li key={each}>
            <a href={`#/${each}`} aria-current={each === place ? "page" : undefined}>
              {text(`rail.${each}`)}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Takes the focus when the view changes, so that the new one is read from its beginning. */
function Heading({ place }: { readonly place: Place }) {
  const { text } = useTexts();
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(place);
  useEffect(() => {
    if (shown.current !== place) heading.current?.focus();
    shown.current = place;
  }, [place]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {text(`rail.${place}`)}
    </h1>
  );
}

function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash));
  useEffect(() => {
    const moved = () => setPlace(placeOf(location.hash));
    moved();
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return place;
}

function useDesk(desk: Desk): DeskState {
  const [state, setState] = useState(desk.state);
  useEffect(() => {
    // Whatever happened between the first drawing and this line.
    setState(desk.state);
    return desk.subscribe(setState);
  }, [desk]);
  return state;
}
