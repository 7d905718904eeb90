import { useTexts } from "../../i18n/speech.tsx";
import "./fields.css";

interface PagerProperties {
  readonly page: number;
  readonly pages: number;
  readonly turn: (page: number) => void;
  /** Names it to those who hear it: there may be others. */
  readonly label: string;
}

/** From page to page of what is newest first. */
export function Pager({ page, pages, turn, label }: PagerProperties) {
  const { text } = useTexts();
  const step = (name: "newest" | "newer" | "older" | "oldest", to: number) => {
    const isUseless = to < 1 || to > pages || to === page;
    return (
      // Not `disabled`: the focus would be lost at the last page.
      <button type="button" aria-disabled={isUseless} onClick={() => !isUseless && turn(to)}>
        {text(`logs.page.${name}`)}
      </button>
    );
  };
  return (
    <nav class="pager" aria-label={label}>
      {step("newest", 1)}
      {step("newer", page - 1)}
      <span class="measure">{text("logs.page.of", { page, pages })}</span>
      {step("older", page + 1)}
      {step("oldest", pages)}
    </nav>
  );
}
