/** The state of a generator's form. It is read from an order and written into one; what is wrong in an order is ignored,
 * except a seed: without it something else would be made, and nobody would notice. */

import { isSeed } from "./base58.ts";
import {
  ALPHABETS,
  type Alphabet,
  type Endpoint,
  type Field,
  isAlphabet,
  isWordLanguage,
  MAX_AFFIX,
  shortestOf,
  textRules,
  type WordLanguage,
} from "./generators.ts";
import { type Order, orderOf } from "./order.ts";

export interface Form {
  readonly endpoint: Endpoint;
  /** Of a text; a phrase has none of the first four. */
  readonly length: number;
  readonly alphabet: Alphabet;
  readonly prefix: string;
  readonly suffix: string;
  readonly language: WordLanguage;
  readonly words: 12 | 24;
  /** Empty: a new one each time. */
  readonly seed: string;
}

export function readForm({ endpoint, values }: Order): Form {
  const rules = textRules(endpoint);
  const wanted = values.alphabet;
  const offered: readonly Alphabet[] = rules?.alphabets ?? [];
  const alphabet = isAlphabet(wanted) && offered.includes(wanted) ? wanted : (offered[0] ?? "base58");
  const shortest = rules ? shortestOf(rules, alphabet) : 0;
  const length = /^\d{1,4}$/.test(values.length ?? "") ? Number(values.length) : -1;
  const fits = length >= shortest && length <= (rules?.longest ?? 0);
  return {
    endpoint,
    length: fits ? length : (rules?.length ?? shortest),
    alphabet,
    prefix: affix(values.prefix),
    suffix: affix(values.suffix),
    language: isWordLanguage(values.language) ? values.language : "english",
    words: values.words === "24" ? 24 : 12,
    seed: values.seed ?? "",
  };
}

export function writeForm(form: Form): Order {
  return orderOf(form.endpoint, (field) => String(form[field]));
}

/** Another alphabet may need more characters to be as hard to guess. Who was at the least stays there. */
export function withAlphabet(form: Form, alphabet: Alphabet): Form {
  const rules = textRules(form.endpoint);
  if (rules === null) return form;
  const [before, after] = [shortestOf(rules, form.alphabet), shortestOf(rules, alphabet)];
  const length = form.length === before && rules.length === null ? after : Math.max(form.length, after);
  return { ...form, alphabet, length };
}

/** What stands in the way of making it. */
export function faultsOf(form: Form): ReadonlySet<Field> {
  const faults = new Set<Field>();
  if (bytesOf(form.prefix) > MAX_AFFIX) faults.add("prefix");
  if (bytesOf(form.suffix) > MAX_AFFIX) faults.add("suffix");
  if (form.seed !== "" && !isSeed(form.seed)) faults.add("seed");
  return faults;
}

/** How hard the text is to guess, in bits; the affixes are known. */
export function bitsOf(form: Form): number {
  if (form.endpoint === "mnemonic") return form.words === 24 ? 256 : 128;
  // There are no more different texts than seeds.
  return Math.min(256, Math.floor(form.length * Math.log2(ALPHABETS[form.alphabet])));
}

export function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

function affix(text = ""): string {
  return bytesOf(text) <= MAX_AFFIX ? text : "";
}
