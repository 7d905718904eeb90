/** What a hash rate is worth against a target. */

const ALL = 2 ** 256;

/** The share of all hashes that win. */
export function winningShare(target: string): number {
  return /^[0-9a-f]{1,64}$/i.test(target) ? Number(BigInt(`0x${target}`)) / ALL : 0;
}

/** Hashes that one win takes on average; infinite for a target that nothing can meet. */
export function triesFor(target: string): number {
  return 1 / winningShare(target);
}

/** The bits that a target asks for, with their fraction. */
export function bitsOf(target: string): number {
  return Math.max(0, Math.log2(triesFor(target)));
}

/** The chance to find a winning hash within a minute: tries are independent, so wins arrive as in a Poisson process. */
export function chancePerMinute(rate: number, target: string): number {
  return -Math.expm1(-60 * rate * winningShare(target));
}

/** To two figures, as nobody reads the rest: 14, 140, 3,600. */
export function roundly(count: number): number {
  return Number(count.toPrecision(2));
}
