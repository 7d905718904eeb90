import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

const NAME = "HashPass";
const FIRST = 1;

interface HeadingProperties {
  /** The number of the page's visit: a new one takes the focus, since there was no load to announce the page. */
  readonly visit: number;
  readonly children: ComponentChildren;
}

export function Heading({ visit, children }: HeadingProperties) {
  const element = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    document.title = `${element.current?.textContent} · ${NAME}`;
  }, [children]);

  useEffect(() => {
    if (visit <= FIRST) return;
    scrollTo(0, 0);
    element.current?.focus({ preventScroll: true });
  }, [visit]);

  return (
    <h1 ref={element} tabIndex={-1}>
      {children}
    </h1>
  );
}
