/** Shows one view of the console, and presses what a person would press. */

import type { ComponentType } from "preact";
import { render } from "preact";
import { act } from "preact/test-utils";
import type { Status } from "../../src/console/types.ts";
import type { ViewProperties } from "../../src/console/view/views.ts";
import { CONSOLE_WORDS } from "../../src/i18n/console.ts";
import { Speaking } from "../../src/i18n/speech.tsx";
import { type FakeApi, fakeApi, status } from "./answers.ts";

export interface Stage {
  readonly root: HTMLElement;
  readonly api: FakeApi;
  /** Lets everything that was promised happen. */
  settle(): Promise<void>;
  tell(changes: Partial<Status> | null): Promise<void>;
  button(name: string): HTMLButtonElement;
  press(name: string): Promise<void>;
  field(label: string): HTMLInputElement;
  fill(label: string, value: string): Promise<void>;
  choose(label: string, value: string): Promise<void>;
  posts(): readonly { readonly path: string; readonly told: unknown }[];
  clear(): void;
}

export async function stage(View: ComponentType<ViewProperties>, api = fakeApi()): Promise<Stage> {
  const root = document.createElement("main");
  document.body.replaceChildren(root);

  async function settle(): Promise<void> {
    await act(async () => {
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    });
  }

  async function tell(changes: Partial<Status> | null): Promise<void> {
    const told = changes === null ? null : status(changes);
    act(() =>
      render(
        <Speaking words={CONSOLE_WORDS} texts={CONSOLE_WORDS.english}>
          <h1>View</h1>
          <View api={api} status={told} history={[]} rates={[]} />
        </Speaking>,
        root,
      ),
    );
    await settle();
  }

  /** The newest dialog is the one that can be reached. */
  function reach(): Element {
    return [...root.querySelectorAll("dialog")].at(-1) ?? root;
  }

  function nameOf(element: Element): string {
    return (element.getAttribute("aria-label") ?? element.textContent ?? "").trim();
  }

  function button(name: string): HTMLButtonElement {
    const found = [...reach().querySelectorAll("button")].find((one) => nameOf(one) === name);
    if (found === undefined) throw new Error(`There is no button "${name}".`);
    return found;
  }

  function field(label: string): HTMLInputElement {
    const labels = [...reach().querySelectorAll("label")];
    const id = labels.find((one) => one.textContent?.trim() === label)?.htmlFor;
    const found = id === undefined ? null : document.getElementById(id);
    if (found === null) throw new Error(`There is no field "${label}".`);
    return found as HTMLInputElement;
  }

  async function happen(element: HTMLInputElement, value: string, type: string): Promise<void> {
    act(() => {
      element.value = value;
      element.dispatchEvent(new Event(type, { bubbles: true }));
    });
    await settle();
  }

  await tell({});
  return {
    root,
    api,
    settle,
    tell,
    button,
    async press(name) {
      act(() => button(name).click());
      await settle();
    },
    field,
    fill: (label, value) => happen(field(label), value, "input"),
    choose: (label, value) => happen(field(label), value, "change"),
    posts: () => api.asked.filter(({ told }) => !("page" in told)),
    clear: () => act(() => render(null, root)),
  };
}
