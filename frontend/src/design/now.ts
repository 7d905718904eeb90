import { useEffect, useState } from "preact/hooks";

/** Draws the component again after so many milliseconds; null leaves it alone. */
export function useRedraw(milliseconds: number | null): void {
  const [, draw] = useState(0);
  useEffect(() => {
    if (milliseconds === null) return;
    const timer = setTimeout(() => draw((count) => count + 1), milliseconds);
    return () => clearTimeout(timer);
  });
}
