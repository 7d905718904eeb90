/** What is to be made: a generator and what it is given, as addresses have it. Nothing here is checked but the names;
 * what the values are worth is said by the form, and at last by the server. */

import { decodeBase58, encodeBase58 } from "./base58.ts";
import { type Endpoint, type Field, fieldsOf, isEndpoint } from "./generators.ts";

export interface Order {
  readonly endpoint: Endpoint;
  readonly values: Readonly<Partial<Record<Field, string>>>;
}

/** As much as the server takes back. */
const MAX_NEXT = 2048;
const NUMBERS: ReadonlySet<Field> = new Set(["length", "words"]);

/** Of a query, or null if it names no generator. */
export function readOrder(query: URLSearchParams): Order | null {
  const endpoint = query.get("endpoint");
  return isEndpoint(endpoint) ? orderOf(endpoint, (field) => query.get(field)) : null;
}

/** What else the source has is dropped, and so is what is empty. */
export function orderOf(endpoint: Endpoint, find: (field: Field) => string | null): Order {
  const entries = fieldsOf(endpoint).map((field) => [field, find(field)] as const);
  return { endpoint, values: Object.fromEntries(entries.filter(([, value]) => value)) };
}

/** Without the question mark. */
export function queryOf({ endpoint, values }: Order): string {
  const query = new URLSearchParams();
  for (const field of fieldsOf(endpoint)) {
    const value = values[field];
    if (value) query.set(field, value);
  }
  return query.toString();
}

/** As JSON has it: what looks like a number is one. The server has an opinion on everything else. */
export function bodyOf({ endpoint, values }: Order): Readonly<Record<string, string | number>> {
  const entries = fieldsOf(endpoint).flatMap((field): [Field, string | number][] => {
    const value = values[field];
    if (!value) return [];
    return [[field, NUMBERS.has(field) && /^\d{1,9}$/.test(value) ? Number(value) : value]];
  });
  return Object.fromEntries(entries);
}

/** The form's state as it travels through the mailed link; null where it is too long for that. */
export function encodeNext(order: Order): string | null {
  const text = JSON.stringify({ endpoint: order.endpoint, ...bodyOf(order) });
  const next = encodeBase58(new TextEncoder().encode(text));
  return next.length <= MAX_NEXT ? next : null;
}

/** What came back with the link. It is a form's state or nothing, never an address to go to. */
export function decodeNext(next: string): Order | null {
  const bytes = next.length <= MAX_NEXT ? decodeBase58(next) : null;
  if (bytes === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("endpoint" in value)) return null;
  const state: Readonly<Record<string, unknown>> = { ...value };
  if (!isEndpoint(state.endpoint)) return null;
  return orderOf(state.endpoint, (field) => {
    const entry = Object.hasOwn(state, field) ? state[field] : null;
    return typeof entry === "string" || typeof entry === "number" ? String(entry) : null;
  });
}
