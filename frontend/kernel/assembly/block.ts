// The compression of one Argon2 block, where all the time goes.
//
// A block is eight rows of sixteen words. It is kept woven: a vector holds the same word of row 2m and row 2m + 1. So
// two rows are permuted at once, and their diagonals are other vectors rather than turned ones; only the columns have
// to swap the halves of some. The permutation is done in four steps (rows, their diagonals, columns, their
// diagonals), each of which is a number of pieces that know nothing of each other: eight vectors in, two vectors a
// side through Argon2's G, eight out. A processor that runs ahead works on several pieces at once, and no piece needs
// more registers than there are. This is worth more than the loads and stores between the steps cost.

import { BLOCK, SINK, WORK } from "./layout";

// Where a step reads and writes.
const FIRST = 0; // reads both inputs, writes to the work space
const INNER = 1; // stays in the work space
const LAST = 2; // swaps, and writes the block
const LAST_OVER = 3; // the same, onto what the block was a pass ago

/** The low halves of four words, for two products. */
@inline
function low(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 2, 4, 6);
}

/** The high halves, which are the low ones after a turn by 32 bits. */
@inline
function high(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 1, 3, 5, 7);
}

/** a + b + 2 * product, where the product is of the low halves of a and b. */
@inline
function sum(a: v128, b: v128, product: v128): v128 {
  return i64x2.add(i64x2.add(a, b), i64x2.add(product, product));
}

@inline
function swap(a: v128): v128 {
  return v128.shuffle<i64>(a, a, 1, 0);
}

@inline
function turn32(a: v128): v128 {
  return v128.shuffle<i32>(a, a, 1, 0, 3, 2);
}

// A swizzle with a constant is one instruction; a shuffle of bytes builds its mask each time.
@inline
function turn24(a: v128): v128 {
  return i8x16.swizzle(a, i8x16(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10));
}

@inline
function turn16(a: v128): v128 {
  return i8x16.swizzle(a, i8x16(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9));
}

@inline
function turn63(a: v128): v128 {
  return v128.or(i64x2.shr_u(a, 63), i64x2.add(a, a));
}

@inline
function take(step: i32, at: usize, i: usize, left: usize, right: usize): v128 {
  if (step == FIRST) return v128.xor(v128.load(left + i + at), v128.load(right + i + at));
  return v128.load(WORK + i + at);
}

@inline
function give(step: i32, at: usize, i: usize, left: usize, right: usize, out: usize, value: v128): void {
  if (step == FIRST || step == INNER) {
    v128.store(WORK + i + at, value);
  } else {
    let whole = v128.xor(value, v128.xor(v128.load(left + i + at), v128.load(right + i + at)));
    if (step == LAST_OVER) whole = v128.xor(whole, v128.load(out + i + at));
    v128.store(out + i + at, whole);
  }
}

/**
 * One piece of a step: `i` is where its rows or its column begin, the last eight arguments are where its vectors are
 * from there: two of each of G's a, b, c and d.
 */
@inline
function piece(
  step: i32, i: usize, left: usize, right: usize, out: usize,
  atA0: usize, atA1: usize, atB0: usize, atB1: usize, atC0: usize, atC1: usize, atD0: usize, atD1: usize,
): void {
  let a0 = take(step, atA0, i, left, right);
  let a1 = take(step, atA1, i, left, right);
  let b0 = take(step, atB0, i, left, right);
  let b1 = take(step, atB1, i, left, right);
  let c0 = take(step, atC0, i, left, right);
  let c1 = take(step, atC1, i, left, right);
  let d0 = take(step, atD0, i, left, right);
  let d1 = take(step, atD1, i, left, right);
  if (step >= LAST) {
    b1 = swap(b1);
    c0 = swap(c0);
    c1 = swap(c1);
    d0 = swap(d0);
  }

  let x = low(a0, a1);
  let y = low(b0, b1);
  a0 = sum(a0, b0, i64x2.extmul_low_i32x4_u(x, y));
  a1 = sum(a1, b1, i64x2.extmul_high_i32x4_u(x, y));
  d0 = v128.xor(d0, a0);
  d1 = v128.xor(d1, a1);
  x = low(c0, c1);
  y = high(d0, d1);
  d0 = turn32(d0);
  d1 = turn32(d1);
  c0 = sum(c0, d0, i64x2.extmul_low_i32x4_u(x, y));
  c1 = sum(c1, d1, i64x2.extmul_high_i32x4_u(x, y));
  b0 = turn24(v128.xor(b0, c0));
  b1 = turn24(v128.xor(b1, c1));

  x = low(a0, a1);
  y = low(b0, b1);
  a0 = sum(a0, b0, i64x2.extmul_low_i32x4_u(x, y));
  a1 = sum(a1, b1, i64x2.extmul_high_i32x4_u(x, y));
  d0 = turn16(v128.xor(d0, a0));
  d1 = turn16(v128.xor(d1, a1));
  x = low(c0, c1);
  y = low(d0, d1);
  c0 = sum(c0, d0, i64x2.extmul_low_i32x4_u(x, y));
  c1 = sum(c1, d1, i64x2.extmul_high_i32x4_u(x, y));
  b0 = turn63(v128.xor(b0, c0));
  b1 = turn63(v128.xor(b1, c1));

  if (step >= LAST) {
    b1 = swap(b1);
    c0 = swap(c0);
    c1 = swap(c1);
    d0 = swap(d0);
  }
  give(step, atA0, i, left, right, out, a0);
  give(step, atA1, i, left, right, out, a1);
  give(step, atB0, i, left, right, out, b0);
  give(step, atB1, i, left, right, out, b1);
  give(step, atC0, i, left, right, out, c0);
  give(step, atC1, i, left, right, out, c1);
  give(step, atD0, i, left, right, out, d0);
  give(step, atD1, i, left, right, out, d1);
}

@inline
function rows(step: i32, i: usize, left: usize, right: usize): void {
  piece(step, i, left, right, 0, 0, 16, 64, 80, 128, 144, 192, 208);
  piece(step, i, left, right, 0, 32, 48, 96, 112, 160, 176, 224, 240);
}

@inline
function rowDiagonals(i: usize): void {
  piece(INNER, i, 0, 0, 0, 0, 16, 80, 96, 160, 176, 240, 192);
  piece(INNER, i, 0, 0, 0, 32, 48, 112, 64, 128, 144, 208, 224);
}

@inline
function column(i: usize): void {
  piece(INNER, i, 0, 0, 0, 0, 16, 256, 272, 512, 528, 768, 784);
}

@inline
function columnDiagonals(step: i32, i: usize, left: usize, right: usize, out: usize): void {
  piece(step, i, left, right, out, 0, 16, 272, 256, 512, 528, 784, 768);
}

/** All rows and the first column: then the first word of `out` is known, and with it where the next block looks. */
export function begin(left: usize, right: usize, out: usize, isOver: bool): void {
  for (let i: usize = 0; i < BLOCK; i += 256) rows(FIRST, i, left, right);
  for (let i: usize = 0; i < BLOCK; i += 256) rowDiagonals(i);
  column(0);
  if (isOver) columnDiagonals(LAST_OVER, 0, left, right, out);
  else columnDiagonals(LAST, 0, left, right, out);
}

/** The other columns. */
export function finish(left: usize, right: usize, out: usize, isOver: bool): void {
  for (let i: usize = 32; i < 256; i += 32) column(i);
  if (isOver) for (let i: usize = 32; i < 256; i += 32) columnDiagonals(LAST_OVER, i, left, right, out);
  else for (let i: usize = 32; i < 256; i += 32) columnDiagonals(LAST, i, left, right, out);
}

/** Where a word of a block stands in a woven one. */
@inline
export function woven(word: usize): usize {
  return ((word >> 5) << 8) | ((word & 15) << 4) | (((word >> 4) & 1) << 3);
}

export function weave(from: usize, to: usize): void {
  for (let word: usize = 0; word < 128; word++) store<u64>(to + woven(word), load<u64>(from + (word << 3)));
}

export function unweave(from: usize, to: usize): void {
  for (let word: usize = 0; word < 128; word++) store<u64>(to + (word << 3), load<u64>(from + woven(word)));
}

/** Have a block's sixteen cache lines fetched before they are needed. */
@inline
export function touch(block: usize): void {
  let sum: u32 = 0;
  for (let i: usize = 0; i < BLOCK; i += 256) {
    sum += load<u32>(block + i) + load<u32>(block + i, 64) + load<u32>(block + i, 128) + load<u32>(block + i, 192);
  }
  store<u32>(SINK, sum); // or no compiler would see a reason to load
}
