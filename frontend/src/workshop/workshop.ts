/** What the pages show and do, without the pages: where one is, what the form says, what was made of it. */

import { type Answer, type Api, isSignedOut, type Made, type Refusal, type Versions } from "./api.ts";
import type { Arrival } from "./arrival.ts";
import { type Form, faultsOf, readForm, writeForm } from "./form.ts";
import type { Field } from "./generators.ts";
import { encodeNext, type Order } from "./order.ts";
import { type Address, formPath, MENU, pathOf, type Route, readRoute, resultPath } from "./routes.ts";
import type { Session } from "./session.ts";

/** The address bar and the way back. */
export interface History {
  readonly address: Address;
  readonly origin: string;
  push(path: string): void;
  replace(path: string): void;
  /** Calls whenever somebody goes back or forward. */
  moved(call: () => void): void;
}

export interface WorkshopPorts {
  readonly api: Api;
  readonly session: Session;
  readonly history: History;
  /** Calls once, later; returns what takes it back. */
  readonly after: (milliseconds: number, call: () => void) => () => void;
}

export interface Result {
  /** Kept while another is made, and if that fails. */
  readonly made: Made | null;
  readonly busy: boolean;
  readonly refusal: Refusal | null;
}

/** What a mailed link has come to. */
export type Redeeming =
  | { readonly step: "asked" }
  | { readonly step: "refused"; readonly refusal: Refusal; readonly order: Order | null };

export type DialogName = "sign-in" | "log-out" | "adjust";

export interface WorkshopState {
  readonly route: Route;
  /** Goes up with every change of the page, so that the same page again is told from one that only changes. */
  readonly visit: number;
  /** Of the page `form`, else the one that was last. */
  readonly form: Form | null;
  /** The seed that came with the address, as it came. */
  readonly given: string;
  /** How often somebody has tried to go on with what is wrong. */
  readonly insisted: number;
  readonly result: Result;
  readonly user: string | null;
  readonly dialog: DialogName | null;
  readonly redeeming: Redeeming | null;
  /** What a change of the session is worth saying. */
  readonly news: "in" | "out" | "ended" | null;
  readonly versions: Versions | null;
}

export interface Workshop {
  readonly state: WorkshopState;
  subscribe(listener: (state: WorkshopState) => void): () => void;
  go(path: string): void;
  change(form: Form): void;
  generate(): void;
  again(): void;
  /** Back to the form, with the seed of the result or without. */
  adjust(seed: string | null): void;
  open(dialog: DialogName): void;
  close(): void;
  sendLink(email: string, language: string): Promise<Answer<null>>;
  redeemAgain(): void;
  logOut(): Promise<Answer<null>>;
}

const NOTHING: Result = { made: null, busy: false, refusal: null };
/** Browsers put up with a hundred changes of the address in half a minute. */
const ADDRESS_DELAY = 350;

export function createWorkshop(
  { api, session, history, after }: WorkshopPorts,
  arrival: Arrival | null,
): Workshop {
  const listeners = new Set<(state: WorkshopState) => void>();
  /** The newest result, so that going back to it does not make another. */
  let last: { readonly path: string; readonly made: Made } | null = null;
  let asked = 0;
  let writeLater: (() => void) | null = null;
  let state: WorkshopState = {
    route: { page: "menu" },
    visit: 0,
    form: null,
    given: "",
    insisted: 0,
    result: NOTHING,
    user: session.user,
    dialog: null,
    redeeming: arrival === null ? null : { step: "asked" },
    news: null,
    versions: null,
  };

  function show(change: Partial<WorkshopState>): void {
    state = { ...state, ...change };
    for (const listener of listeners) listener(state);
  }

  function arrive(back = false): void {
    const route = readRoute(history.address);
    const path = pathOf(route);
    // A result of nothing is the menu, and says so in the address.
    if (route.page === "menu" && history.address.pathname.startsWith("/result")) history.replace(path);
    const form = route.page === "form" ? readForm(route.order) : state.form;
    const known = back && last?.path === path ? last.made : null;
    asked += 1;
    show({
      route,
      form,
      given: (route.page === "form" && route.order.values.seed) || "",
      redeeming: null,
      visit: state.visit + 1,
      insisted: 0,
      dialog: null,
      result: { ...NOTHING, made: known },
    });
    if (route.page === "result" && known === null) void make(route.order);
  }

  function go(path: string): void {
    writeAddress();
    history.push(path);
    arrive();
  }

  async function make(order: Order): Promise<void> {
    const turn = ++asked;
    const path = resultPath(order);
    show({ result: { ...state.result, busy: true, refusal: null } });
    const answer = await session.ask((access) => api.make(order, access));
    if (turn !== asked) return;
    if (answer.ok) {
      last = { path, made: answer.value };
      show({ result: { made: answer.value, busy: false, refusal: null } });
      return;
    }
    const { refusal } = answer;
    const dialog = isSignedOut(refusal) ? "sign-in" : state.dialog;
    show({ result: { ...state.result, busy: false, refusal }, dialog });
  }

  /** The address follows the form, so that it can be shared and survives a reload. */
  function writeAddress(): void {
    writeLater?.();
    writeLater = null;
    const { route, form } = state;
    if (route.page !== "form" || form === null || hasFaults(form)) return;
    const path = formPath(form.endpoint, writeForm(form));
    // An address that nobody has changed stays as short as it came.
    if (path !== formPath(form.endpoint, writeForm(readForm(route.order)))) history.replace(path);
    show({ route: readRoute(history.address) });
  }

  async function redeem({ link, order }: Arrival): Promise<void> {
    show({ redeeming: { step: "asked" } });
    const answer = await session.redeem(link);
    if (!answer.ok) return show({ redeeming: { step: "refused", refusal: answer.refusal, order } });
    history.replace(order === null ? MENU : resultPath(order));
    arrive();
  }

  /** What is to be made once somebody has signed in. */
  function pending(): Order | null {
    const { route, form, redeeming } = state;
    if (redeeming?.step === "refused") return redeeming.order;
    if (route.page === "result") return route.order;
    return route.page === "form" && form !== null && !hasFaults(form) ? writeForm(form) : null;
  }

  session.subscribe((change) => {
    const wasAsked = state.dialog === "sign-in";
    show({ user: session.user, news: change });
    if (change === "in") {
      if (wasAsked) show({ dialog: null });
      const { route, result } = state;
      if (route.page === "result" && result.made === null && !result.busy && result.refusal !== null) {
        void make(route.order);
      }
    }
    if (change === "out") {
      // Who logs out does not leave a password on the screen of another tab.
      last = null;
      asked += 1;
      show({ result: NOTHING, dialog: null });
      if (state.route.page === "result") {
        history.replace(MENU);
        arrive();
      }
    }
  });
  history.moved(() => {
    writeLater?.();
    writeLater = null;
    arrive(true);
  });

  const workshop: Workshop = {
    get state() {
      return state;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    go,
    change(form) {
      show({ form, insisted: 0 });
      writeLater?.();
      writeLater = after(ADDRESS_DELAY, writeAddress);
    },
    generate() {
      const { form } = state;
      if (form === null) return;
      if (hasFaults(form)) return show({ insisted: state.insisted + 1 });
      if (state.user === null) return workshop.open("sign-in");
      go(resultPath(writeForm(form)));
    },
    again() {
      if (state.route.page === "result" && !state.result.busy) void make(state.route.order);
    },
    adjust(seed) {
      const { route } = state;
      if (route.page !== "result") return;
      const { seed: _, ...values } = route.order.values;
      const order = { ...route.order, values: seed === null ? values : { ...values, seed } };
      go(formPath(order.endpoint, order));
    },
    open: (dialog) => show({ dialog }),
    close: () => show({ dialog: null }),
    sendLink(email, language) {
      const order = pending();
      const next = order === null ? null : encodeNext(order);
      return api.sendLink({ email, language, origin: history.origin, next });
    },
    redeemAgain() {
      if (arrival !== null && state.redeeming?.step === "refused") void redeem(arrival);
    },
    logOut: () => session.logOut(),
  };

  if (arrival === null) {
    void session.resume();
    arrive();
  } else {
    void redeem(arrival);
  }
  void api.versions().then((answer) => answer.ok && show({ versions: answer.value }));
  return workshop;
}

export function hasFaults(form: Form): boolean {
  return faultsOf(form).size > 0;
}

/** What the form says is wrong; what somebody is still typing is said too, an unfinished seed is not. */
export function saidFaults({ form, insisted, given }: WorkshopState): ReadonlySet<Field> {
  const faults = new Set(form === null ? [] : faultsOf(form));
  if (form !== null && insisted === 0 && form.seed !== given && form.seed.length < 40) faults.delete("seed");
  return faults;
}
