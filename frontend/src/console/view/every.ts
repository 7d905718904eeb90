import { useEffect, useRef } from "preact/hooks";

/** Calls again and again, but not while nobody looks: an old tab in the background asks for nothing. */
export function useEvery(milliseconds: number, call: () => void): void {
  const newest = useRef(call);
  newest.current = call;
  useEffect(() => {
    const timer = setInterval(() => document.hidden || newest.current(), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}
