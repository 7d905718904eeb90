// Where everything stands in the one memory. The first page is the kernel's own, the rest is Argon2's.
// Constants that the compiler needs (the tables of BLAKE2b) stand below 0x1000.

/** One Argon2 block. */
export const BLOCK: usize = 1024;

/** Half-permuted state of the block that is being computed. */
export const WORK: usize = 0x1000;

// Of the data-independent addressing: a block of zeros, the counters, the first pass over them, and the addresses.
export const ZERO: usize = 0x1400;
export const INPUT: usize = 0x1800;
export const ONCE: usize = 0x1c00;
export const ADDRESSES: usize = 0x2000;

/** A block in Argon2's own order of words, for what enters and what leaves. */
export const PLAIN: usize = 0x2400;

/** H0, its length in front and two numbers behind it: what the variable-length hash is fed. */
export const SEED: usize = 0x2840;

// Of BLAKE2b: its state, its sixteen words, the block it is at, and a digest.
export const STATE: usize = 0x2900;
export const WORDS: usize = 0x2940;
export const CHUNK: usize = 0x29c0;
export const DIGEST: usize = 0x2a40;

/** Where what nobody needs is written. */
export const SINK: usize = 0x2a80;

/** The message that H0 is made of. */
export const MESSAGE: usize = 0x3000;

// What the page writes, and what it reads.
export const TAG: usize = 0x2f00;
export const PASSWORD: usize = 0x2f80;
export const SALT: usize = 0x9000;
export const PASSWORD_LIMIT: u32 = 128;
export const SALT_LIMIT: u32 = 0x5000;

export const BLOCKS: usize = 0x10000;
