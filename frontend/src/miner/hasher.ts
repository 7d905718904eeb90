import type { Argon2Params, KernelKind } from "./messages.ts";

/** What computes hashes, one at a time. Our kernel and the fallback are both of this kind. */
export interface Hasher {
  readonly kind: KernelKind;
  /** Have the memory that such a hash needs; false if the browser refuses it. */
  reserve(memoryCost: number): boolean;
  /** What the following hashes have in common; false if the browser refuses the memory for them. */
  prepare(params: Argon2Params, salt: Uint8Array): boolean;
  /** Begin a hash; one that was not finished is dropped. */
  begin(password: Uint8Array): void;
  /** Go on by at most so many blocks of 1 KiB: the 32 bytes of the hash, or null if it is not finished. */
  step(budget: number): Uint8Array | null | Promise<Uint8Array>;
}
