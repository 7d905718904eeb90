import { useEffect, useRef, useState } from "preact/hooks";
import { Mark } from "../../design/icons.tsx";
import { LanguageSelect } from "../../design/language.tsx";
import { ThemeButton } from "../../design/theme.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import type { Game, GameState, Prize } from "../state.ts";
import { About } from "./about.tsx";
import { Action } from "./action.tsx";
import { Announcer } from "./announcer.tsx";
import { Best } from "./best.tsx";
import { Clock } from "./clock.tsx";
import { Log } from "./log.tsx";
import { Rates } from "./rates.tsx";
import { Rounds } from "./rounds.tsx";
import { Win } from "./win.tsx";

const NAME = "HashPass";

export function Page({ game }: { readonly game: Game }) {
  const state = useGame(game);
  const { text } = useTexts();
  const [newest, ...earlier] = state.prizes;
  const fresh = useFresh(newest);

  useEffect(() => {
    // Most people will be in another tab when it happens.
    document.title = fresh ? `${text("win.title")} · ${NAME}` : NAME;
  }, [fresh, text]);

  return (
    <>
      <header class="top">
        <p class="name">
          <Mark />
          {NAME}
        </p>
        <LanguageSelect />
        <ThemeButton />
      </header>
      <main class="race">
        <div class="act">
          {newest === undefined ? (
            <section class="lead">
              <h1>{text("lead.title")}</h1>
              <p>{text("lead.text")}</p>
            </section>
          ) : (
            <Win prizes={[newest, ...earlier]} fresh={fresh} />
          )}
          <Action game={game} state={state} />
          <Clock state={state} />
          <Best job={state.job} bits={state.bestBits} />
        </div>
        <div class="watch">
          <Rates state={state} />
          <Rounds rounds={state.rounds} />
        </div>
        <div class="folds">
          <About state={state} />
          <Log lines={state.log} />
        </div>
      </main>
      {state.generators && (
        <footer class="foot">
          <a href="/generators">{text("foot.generators")}</a>
        </footer>
      )}
      <Announcer state={state} />
    </>
  );
}

function useGame(game: Game): GameState {
  const [state, setState] = useState(game.state);
  useEffect(() => {
    // Whatever happened between the first drawing and this line.
    setState(game.state);
    return game.subscribe(setState);
  }, [game]);
  return state;
}

/** Whether the newest prize was won while this page looked on; what an earlier one left behind is not news. */
function useFresh(newest: Prize | undefined): boolean {
  const known = useRef(newest?.code);
  return newest !== undefined && newest.code !== known.current;
}
