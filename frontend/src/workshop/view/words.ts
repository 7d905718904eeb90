/** A refusal in the visitor's words: title and advice. */

import type { Texts } from "../../i18n/texts.ts";
import type { Refusal } from "../api.ts";
import { type Endpoint, isAlphabet, MAX_AFFIX, shortestOf, textRules } from "../generators.ts";
import type { Order } from "../order.ts";

export function describe(refusal: Refusal, order: Order | null, texts: Texts): readonly [string, string] {
  const { text, parts, duration } = texts;
  const { status, code, detail, field, retryAfter } = refusal;
  if (isAway(refusal)) return parts("workshop.away");
  if (code === "not_ready") return parts("workshop.unready", { detail });
  if (status === 429 || status === 503) return parts("workshop.busy", { time: duration(retryAfter ?? 60) });
  if (code === "banned") return parts("workshop.banned");
  if (status === 401) return parts("workshop.signed-out");
  if (field === "magiclink") return parts("workshop.bad-link");
  if (field === "email") return [text("workshop.email.bad"), ""];
  const fault = order === null ? null : describeFault(field, order, texts);
  return fault === null ? parts("workshop.refused", { detail }) : [text("workshop.fault"), fault];
}

/** No answer that counts: the network, or a proxy whose server is away. */
export function isAway({ status, code }: Refusal): boolean {
  return status === 0 || (status >= 500 && code === "") || code === "unreadable";
}

/** Asking again may help. */
export function isPassing(refusal: Refusal): boolean {
  return isAway(refusal) || refusal.status === 429 || refusal.status >= 500;
}

function describeFault(field: string | null, { endpoint, values }: Order, { text }: Texts): string | null {
  const rules = textRules(endpoint);
  switch (field) {
    case "length": {
      if (rules === null) return null;
      // A name that is not known counts as base58.
      const alphabet = values.alphabet ?? rules.alphabets[0];
      const from = shortestOf(rules, isAlphabet(alphabet) ? alphabet : "base58");
      return text("workshop.fault.length", { from, to: rules.longest });
    }
    case "prefix":
    case "suffix":
      return text("workshop.fault.affix", { limit: MAX_AFFIX });
    case "seed":
      return text("workshop.seed.bad");
    case "language":
      return text("workshop.fault.language");
    case "words":
      return text("workshop.fault.words");
    default:
      return null;
  }
}

/** The language of the words, in the visitor's own. */
export function nameLanguage(tag: string, texts: Texts): string {
  try {
    const name = new Intl.DisplayNames(texts.language, { type: "language" }).of(tag);
    return name === undefined ? tag : name.charAt(0).toLocaleUpperCase(texts.language) + name.slice(1);
  } catch {
    return tag;
  }
}

export function nameOf(endpoint: Endpoint, texts: Texts): string {
  return texts.parts(`workshop.${endpoint}`)[0];
}

/** Enough to tell one's own from another's. */
export function shorten(user: string): string {
  return user.length > 12 ? `${user.slice(0, 4)}…${user.slice(-4)}` : user;
}
