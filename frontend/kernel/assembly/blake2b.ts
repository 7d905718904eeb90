// BLAKE2b without a key, and the variable-length hash that Argon2 makes of it. Less than a thousandth of the work of
// a hash is done here, so this is written for size.

import { CHUNK, DIGEST, STATE, WORDS } from "./layout";

const ROUNDS = 12;
const CHUNK_SIZE: u32 = 128;
const DIGEST_SIZE: u32 = 64;

const IV = memory.data<u64>([
  0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
]);

// Offsets of the message's words, in bytes, row by row.
const SIGMA = memory.data<u8>([
  0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120,
  112, 80, 32, 64, 72, 120, 104, 48, 8, 96, 0, 16, 88, 56, 40, 24,
  88, 64, 96, 0, 40, 16, 120, 104, 80, 112, 24, 48, 56, 8, 72, 32,
  56, 72, 24, 8, 104, 96, 88, 112, 16, 48, 40, 80, 32, 0, 120, 64,
  72, 0, 40, 56, 16, 32, 80, 120, 112, 8, 88, 96, 48, 64, 24, 104,
  16, 96, 48, 80, 0, 88, 64, 24, 32, 104, 56, 40, 120, 112, 8, 72,
  96, 40, 8, 120, 112, 104, 32, 80, 0, 56, 48, 24, 72, 16, 64, 88,
  104, 88, 56, 112, 96, 8, 24, 72, 40, 0, 120, 32, 64, 48, 16, 80,
  48, 120, 112, 72, 88, 24, 0, 64, 96, 16, 104, 56, 8, 32, 80, 40,
  80, 16, 64, 32, 56, 48, 8, 40, 120, 88, 72, 112, 24, 96, 104, 0,
]);

function mix(a: usize, b: usize, c: usize, d: usize, x: u64, y: u64): void {
  let va = load<u64>(a, WORDS);
  let vb = load<u64>(b, WORDS);
  let vc = load<u64>(c, WORDS);
  let vd = load<u64>(d, WORDS);
  va += vb + x;
  vd = rotr(vd ^ va, 32);
  vc += vd;
  vb = rotr(vb ^ vc, 24);
  va += vb + y;
  vd = rotr(vd ^ va, 16);
  vc += vd;
  vb = rotr(vb ^ vc, 63);
  store<u64>(a, va, WORDS);
  store<u64>(b, vb, WORDS);
  store<u64>(c, vc, WORDS);
  store<u64>(d, vd, WORDS);
}

@inline
function word(row: usize, place: usize): u64 {
  return load<u64>(CHUNK + load<u8>(row + place));
}

/** Take in the chunk; `taken` counts the bytes so far, this chunk's included. */
function compress(taken: u64, isLast: bool): void {
  memory.copy(WORDS, STATE, 64);
  memory.copy(WORDS + 64, IV, 64);
  store<u64>(WORDS, load<u64>(WORDS, 96) ^ taken, 96);
  if (isLast) store<u64>(WORDS, ~load<u64>(WORDS, 112), 112);
  for (let round = 0; round < ROUNDS; round++) {
    const row = SIGMA + usize((round % 10) << 4);
    mix(0, 32, 64, 96, word(row, 0), word(row, 1));
    mix(8, 40, 72, 104, word(row, 2), word(row, 3));
    mix(16, 48, 80, 112, word(row, 4), word(row, 5));
    mix(24, 56, 88, 120, word(row, 6), word(row, 7));
    mix(0, 40, 80, 120, word(row, 8), word(row, 9));
    mix(8, 48, 88, 96, word(row, 10), word(row, 11));
    mix(16, 56, 64, 104, word(row, 12), word(row, 13));
    mix(24, 32, 72, 112, word(row, 14), word(row, 15));
  }
  for (let i: usize = 0; i < 64; i += 8) {
    store<u64>(STATE + i, load<u64>(STATE + i) ^ load<u64>(WORDS + i) ^ load<u64>(WORDS + i, 64));
  }
}

/** BLAKE2b with a digest of `size` bytes, 1 to 64. */
export function blake2b(out: usize, size: u32, from: usize, length: u32): void {
  memory.copy(STATE, IV, 64);
  store<u64>(STATE, load<u64>(STATE) ^ 0x01010000 ^ u64(size));
  let taken: u32 = 0;
  for (; length - taken > CHUNK_SIZE; ) {
    memory.copy(CHUNK, from + taken, CHUNK_SIZE);
    taken += CHUNK_SIZE;
    compress(taken, false);
  }
  memory.fill(CHUNK, 0, CHUNK_SIZE);
  memory.copy(CHUNK, from + taken, length - taken);
  compress(length, true);
  memory.copy(out, STATE, size);
}

/** Argon2's H': the message's first four bytes are the caller's to leave free, they get `size`. */
export function stretch(out: usize, size: u32, message: usize, length: u32): void {
  store<u32>(message, size);
  if (size <= DIGEST_SIZE) {
    blake2b(out, size, message, length);
    return;
  }
  blake2b(DIGEST, DIGEST_SIZE, message, length);
  memory.copy(out, DIGEST, 32);
  let left = size - 32;
  out += 32;
  for (; left > DIGEST_SIZE; left -= 32) {
    blake2b(DIGEST, DIGEST_SIZE, DIGEST, DIGEST_SIZE);
    memory.copy(out, DIGEST, 32);
    out += 32;
  }
  blake2b(out, left, DIGEST, DIGEST_SIZE);
}
