// Argon2d and Argon2id (RFC 9106, version 0x13, a tag of 32 bytes, no secret, no associated data), in slices.

import { blake2b, stretch } from "./blake2b";
import { begin as beginBlock, finish as finishBlock, touch, unweave, weave, woven } from "./block";
import {
  ADDRESSES, BLOCK, BLOCKS, INPUT, MESSAGE, ONCE, PASSWORD, PLAIN, SALT, SEED, TAG, ZERO,
} from "./layout";

export { BLOCKS, PASSWORD, PASSWORD_LIMIT, SALT, SALT_LIMIT, TAG } from "./layout";

const VERSION: u32 = 0x13;
const TAG_SIZE: u32 = 32;
const TYPE_D: u32 = 0;
const TYPE_ID: u32 = 2;
const SLICES: u32 = 4;
const ADDRESSES_A_BLOCK: u32 = 128;

// The puzzle.
let isMixed: bool = false; // Argon2id
let passes: u32 = 0;
let memoryCost: u32 = 0;
let lanes: u32 = 0;
let saltLength: u32 = 0;
let laneLength: u32 = 0;
let segmentLength: u32 = 0;

// How far the hash has come.
let pass: u32 = 0;
let slice: u32 = 0;
let lane: u32 = 0;
let index: u32 = 0; // in the segment
let addressBlocks: u32 = 0; // made for this segment

/** Say what all following hashes have in common. The salt is at SALT; memory for all blocks has to be there. */
export function prepare(isId: bool, timeCost: u32, kib: u32, parallelism: u32, salt: u32): void {
  isMixed = isId;
  passes = timeCost;
  memoryCost = kib;
  lanes = parallelism;
  saltLength = salt;
  segmentLength = kib / (SLICES * parallelism);
  laneLength = segmentLength * SLICES;
}

/** Begin the hash of the password at PASSWORD. A hash that was not finished is dropped. */
export function begin(passwordLength: u32): void {
  store<u32>(MESSAGE, lanes);
  store<u32>(MESSAGE, TAG_SIZE, 4);
  store<u32>(MESSAGE, memoryCost, 8);
  store<u32>(MESSAGE, passes, 12);
  store<u32>(MESSAGE, VERSION, 16);
  store<u32>(MESSAGE, isMixed ? TYPE_ID : TYPE_D, 20);
  let end = append(MESSAGE + 24, PASSWORD, passwordLength);
  end = append(end, SALT, saltLength);
  end = append(append(end, 0, 0), 0, 0);
  blake2b(SEED + 4, 64, MESSAGE, u32(end - MESSAGE));

  for (let i: u32 = 0; i < lanes; i++) {
    store<u32>(SEED, i, 72);
    for (let k: u32 = 0; k < 2; k++) {
      store<u32>(SEED, k, 68);
      stretch(PLAIN, u32(BLOCK), SEED, 76);
      weave(PLAIN, block(i, k));
    }
  }
  pass = slice = lane = 0;
  enterSegment();
}

/** Fill at most so many blocks; true when the tag is at TAG. */
export function step(budget: u32): bool {
  while (budget > 0) {
    budget -= fill(budget);
    if (index < segmentLength) break;
    if (++lane == lanes) {
      lane = 0;
      if (++slice == SLICES) {
        slice = 0;
        if (++pass == passes) {
          close();
          return true;
        }
      }
    }
    enterSegment();
  }
  return false;
}

function append(to: usize, from: usize, length: u32): usize {
  store<u32>(to, length);
  memory.copy(to + 4, from, length);
  return to + 4 + length;
}

@inline
function block(ofLane: u32, at: u32): usize {
  return BLOCKS + (usize(ofLane * laneLength + at) << 10);
}

function enterSegment(): void {
  // The first two blocks of a lane are there already.
  index = pass == 0 && slice == 0 ? 2 : 0;
  addressBlocks = 0;
}

/** How many blocks were filled: `budget`, or what was left of the segment. */
function fill(budget: u32): u32 {
  const first = index;
  const last = min(segmentLength, first + budget);
  const isOver = pass > 0;
  const isIndependent = isMixed && pass == 0 && slice < SLICES / 2;
  const at = slice * segmentLength + first;
  let current = block(lane, at);
  let previous = at == 0 ? block(lane, laneLength - 1) : current - BLOCK;
  let reference: usize = 0;
  while (index < last) {
    if (reference == 0) {
      if (isIndependent && addressBlocks <= index / ADDRESSES_A_BLOCK) makeAddresses();
      reference = locate(isIndependent, previous);
    }
    beginBlock(previous, reference, current, isOver);
    index++;
    // The next reference is known now. Its block comes from memory while the rest of this one is computed.
    let next: usize = 0;
    if (index < last && !(isIndependent && index % ADDRESSES_A_BLOCK == 0)) {
      next = locate(isIndependent, current);
      touch(next);
    }
    finishBlock(previous, reference, current, isOver);
    previous = current;
    current += BLOCK;
    reference = next;
  }
  return last - first;
}

/** The block that the one at `index` refers to. */
@inline
function locate(isIndependent: bool, previous: usize): usize {
  const random = load<u64>(isIndependent ? ADDRESSES + woven(index % ADDRESSES_A_BLOCK) : previous);
  let from = lane;
  if (lanes > 1 && (pass > 0 || slice > 0)) from = u32(random >> 32) % lanes;
  // How many blocks there are to choose from: those that are finished, but not the one just before.
  let choice = pass == 0 ? slice * segmentLength : laneLength - segmentLength;
  if (from == lane) choice += index - 1;
  else if (index == 0) choice--;
  const square = ((random & 0xffffffff) * (random & 0xffffffff)) >> 32;
  let at = choice - 1 - u32((u64(choice) * square) >> 32);
  if (pass > 0 && slice < SLICES - 1) {
    at += (slice + 1) * segmentLength;
    if (at >= laneLength) at -= laneLength;
  }
  return block(from, at);
}

function makeAddresses(): void {
  addressBlocks++;
  memory.fill(INPUT, 0, BLOCK);
  store<u64>(INPUT + woven(0), pass);
  store<u64>(INPUT + woven(1), lane);
  store<u64>(INPUT + woven(2), slice);
  store<u64>(INPUT + woven(3), laneLength * lanes);
  store<u64>(INPUT + woven(4), passes);
  store<u64>(INPUT + woven(5), TYPE_ID);
  store<u64>(INPUT + woven(6), addressBlocks);
  beginBlock(ZERO, INPUT, ONCE, false);
  finishBlock(ZERO, INPUT, ONCE, false);
  beginBlock(ZERO, ONCE, ADDRESSES, false);
  finishBlock(ZERO, ONCE, ADDRESSES, false);
}

/** The tag, from the last blocks of all lanes. */
function close(): void {
  const last = block(0, laneLength - 1);
  for (let i: u32 = 1; i < lanes; i++) {
    const other = block(i, laneLength - 1);
    for (let k: usize = 0; k < BLOCK; k += 16) {
      v128.store(last + k, v128.xor(v128.load(last + k), v128.load(other + k)));
    }
  }
  unweave(last, PLAIN + 4);
  stretch(TAG, TAG_SIZE, PLAIN, u32(BLOCK) + 4);
}
