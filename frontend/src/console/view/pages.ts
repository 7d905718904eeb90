import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../api.ts";
import { type Asked, useAsked } from "./asked.ts";

interface Pages<T> extends Asked<T> {
  readonly page: number;
  readonly turn: (page: number) => void;
}

/**
 * A log by page. What is found by other words (`found` names them) begins at its first page, and a log that became
 * shorter ends at its last. What is looked at must not move: only the first page is asked for again with `news`.
 */
export function usePages<T extends { readonly pages: number }>(
  found: string,
  ask: (page: number) => Promise<Answer<T>>,
  news = "",
): Pages<T> {
  const [turned, setTurned] = useState({ found, page: 1 });
  const page = turned.found === found ? turned.page : 1;
  const asked = useAsked(JSON.stringify([page, found, page === 1 ? news : ""]), () => ask(page));
  const last = asked.isBusy ? undefined : asked.value?.pages;
  useEffect(() => {
    if (last !== undefined && page > last) setTurned({ found, page: last });
  }, [last, page, found]);
  return { ...asked, page, turn: (to) => setTurned({ found, page: to }) };
}
