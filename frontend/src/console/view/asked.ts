/** What a view asks of the server, and asks again. */

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Answer, Problem } from "../api.ts";

export interface Asked<T> {
  /** The newest answer; it stays while another is on its way, and when that one fails. */
  readonly value: T | null;
  /** Why there is no newer one. */
  readonly problem: Problem | null;
  readonly isBusy: boolean;
  readonly again: () => void;
}

/** Asks at once, and again whenever `key` is another one. An answer that was overtaken is not looked at. */
export function useAsked<T>(key: string, ask: () => Promise<Answer<T>>): Asked<T> {
  const [state, setState] = useState<Omit<Asked<T>, "again">>({ value: null, problem: null, isBusy: true });
  const newest = useRef(0);
  const question = useRef(ask);
  question.current = ask;

  const again = useCallback(() => {
    newest.current += 1;
    const mine = newest.current;
    setState((before) => (before.isBusy ? before : { ...before, isBusy: true }));
    void question.current().then((answer) => {
      if (mine !== newest.current) return;
      setState((before) =>
        answer.ok
          ? { value: answer.value, problem: null, isBusy: false }
          : { ...before, problem: answer.problem, isBusy: false },
      );
    });
  }, []);

  useEffect(() => {
    again();
    return () => {
      newest.current += 1;
    };
  }, [key, again]);

  return { ...state, again };
}

/** The value, once it has not changed for a while. */
export function useSettled<T>(value: T, milliseconds = 300): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    if (value === settled) return;
    const timer = setTimeout(() => settle(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, settled, milliseconds]);
  return settled;
}
