import type { ComponentChildren } from "preact";
import { Icon } from "./icons.tsx";

export type Tone = "wait" | "care" | "fail";

interface NoticeProperties {
  readonly tone: Tone;
  readonly title: string;
  readonly children: ComponentChildren;
}

/** Something that needs a sentence. It is not a live region itself: the page announces what matters. */
export function Notice({ tone, title, children }: NoticeProperties) {
  return (
    <section class={`notice ${tone}`}>
      <Icon name={tone} />
      <h2>{title}</h2>
      {children}
    </section>
  );
}
