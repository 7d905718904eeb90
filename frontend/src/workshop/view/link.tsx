import { type ComponentChildren, createContext } from "preact";
import { useContext } from "preact/hooks";

/** How a link leads on without a load; a page without it has plain links. */
export const Go = createContext<((path: string) => void) | null>(null);

interface LinkProperties {
  readonly to: string;
  readonly class?: string;
  readonly current?: boolean;
  readonly children: ComponentChildren;
}

/** A real link, so that it can be opened in a new tab, copied and dragged. */
export function Link({ to, class: name, current = false, children }: LinkProperties) {
  const go = useContext(Go);

  function follow(event: MouseEvent): void {
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (go === null || event.button !== 0 || elsewhere || event.defaultPrevented) return;
    event.preventDefault();
    go(to);
  }

  return (
    <a href={to} class={name} aria-current={current ? "page" : undefined} onClick={follow}>
      {children}
    </a>
  );
}
