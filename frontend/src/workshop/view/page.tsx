import { useEffect, useState } from "preact/hooks";
import { Icon, Mark } from "../../design/icons.tsx";
import { LanguageSelect } from "../../design/language.tsx";
import { ThemeButton } from "../../design/theme.tsx";
import { useTexts } from "../../i18n/speech.tsx";
import { MENU } from "../routes.ts";
import type { Workshop, WorkshopState } from "../workshop.ts";
import { Adjust, LogOut } from "./asked.tsx";
import { FormPage } from "./form.tsx";
import { Go, Link } from "./link.tsx";
import { Menu } from "./menu.tsx";
import { RedeemPage } from "./redeem.tsx";
import { ResultPage } from "./result.tsx";
import { SignIn } from "./sign-in.tsx";
import { shorten } from "./words.ts";

const NAME = "HashPass";
const RACE = "/";

export function Page({ workshop }: { readonly workshop: Workshop }) {
  const state = useWorkshop(workshop);
  const { text } = useTexts();
  const { route, dialog, user, result, versions, news } = state;
  return (
    <Go.Provider value={workshop.go}>
      <header class="top">
        <p class="name">
          <Mark />
          {NAME}
        </p>
        <LanguageSelect />
        <ThemeButton />
      </header>
      <nav class="way" aria-label={text("workshop.pages")}>
        <a href={RACE}>{text("workshop.race")}</a>
        <Link to={MENU} current={route.page === "menu" && state.redeeming === null}>
          {text("workshop.title")}
        </Link>
        <User user={user} open={workshop.open} />
      </nav>
      <Shown workshop={workshop} state={state} />
      <footer class="foot">
        <small>{versions && text("workshop.versions", { api: versions.api, pages: versions.pages })}</small>
      </footer>
      <div class="aloud" role="status">
        {news && text(`workshop.${news}`)}
      </div>
      {dialog === "sign-in" && user === null && <SignIn workshop={workshop} />}
      {dialog === "log-out" && user !== null && <LogOut workshop={workshop} user={user} />}
      {dialog === "adjust" && result.made !== null && <Adjust workshop={workshop} seed={result.made.seed} />}
    </Go.Provider>
  );
}

function Shown({ workshop, state }: { readonly workshop: Workshop; readonly state: WorkshopState }) {
  const { route, form, redeeming, visit, user } = state;
  if (redeeming !== null) return <RedeemPage workshop={workshop} redeeming={redeeming} user={user} />;
  if (route.page === "result") return <ResultPage workshop={workshop} state={state} order={route.order} />;
  if (route.page === "form" && form !== null) {
    return <FormPage key={form.endpoint} workshop={workshop} state={state} form={form} />;
  }
  return <Menu visit={visit} />;
}

interface UserProperties {
  readonly user: string | null;
  readonly open: Workshop["open"];
}

function User({ user, open }: UserProperties) {
  const { text } = useTexts();
  if (user === null) {
    return (
      <button type="button" class="user" onClick={() => open("sign-in")}>
        {text("workshop.sign-in")}
      </button>
    );
  }
  const short = shorten(user);
  return (
    <button
      type="button"
      class="user"
      aria-haspopup="dialog"
      aria-label={text("workshop.user", { user: short })}
      onClick={() => open("log-out")}
    >
      <Icon name="done" />
      <span class="figure" dir="ltr" translate={false}>
        {short}
      </span>
    </button>
  );
}

function useWorkshop(workshop: Workshop): WorkshopState {
  const [state, setState] = useState(workshop.state);
  useEffect(() => {
    // Whatever happened between the first drawing and this line.
    setState(workshop.state);
    return workshop.subscribe(setState);
  }, [workshop]);
  return state;
}
