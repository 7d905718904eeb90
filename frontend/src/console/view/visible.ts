/** What a client has named itself, with every letter that nobody sees, or that turns the others round, written out. */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cf}\u2028\u2029]/gu,
    (letter) => `\\u${letter.codePointAt(0)?.toString(16).padStart(4, "0")}`,
  );
}
