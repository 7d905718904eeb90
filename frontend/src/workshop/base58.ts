/** Bitcoin's base58, in which seeds are written and the state of a form travels through a mail. */

const DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/** Longer than anything that is ever written here; the work grows with the square. */
const MAX_CHARACTERS = 4096;

export function encodeBase58(bytes: Uint8Array): string {
  const digits = [...zerosInFront([...bytes]), ...convert(bytes, 256, 58)];
  return digits.map((digit) => DIGITS[digit]).join("");
}

/** Null for what is no base58. */
export function decodeBase58(text: string): Uint8Array | null {
  if (text.length > MAX_CHARACTERS) return null;
  const digits = Array.from(text, (character) => DIGITS.indexOf(character));
  if (digits.includes(-1)) return null;
  return Uint8Array.from([...zerosInFront(digits), ...convert(digits, 58, 256)]);
}

export const SEED_BYTES = 32;

export function isSeed(text: string): boolean {
  return text.length <= 44 && decodeBase58(text)?.length === SEED_BYTES;
}

/** They count, though as part of a number they would be lost. */
function zerosInFront(digits: readonly number[]): readonly number[] {
  const first = digits.findIndex((digit) => digit !== 0);
  return first < 0 ? digits : digits.slice(0, first);
}

/** The same number in another base, without zeros in front. */
function convert(digits: Iterable<number>, from: number, to: number): number[] {
  const found: number[] = [];
  for (const digit of digits) {
    let carry = digit;
    for (let place = 0; place < found.length; place += 1) {
      carry += (found[place] ?? 0) * from;
      found[place] = carry % to;
      carry = Math.floor(carry / to);
    }
    for (; carry > 0; carry = Math.floor(carry / to)) found.push(carry % to);
  }
  return found.reverse();
}
