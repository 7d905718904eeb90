import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Opens a dialog for as long as it is there. The browser keeps the focus inside and gives it back afterwards. */
export function useModal(): RefObject<HTMLDialogElement> {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return dialog;
}
