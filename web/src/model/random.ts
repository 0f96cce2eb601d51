/** Python's random numbers: random.Random(seed).random(), so that the same seed gives the same reply everywhere.
 *
 * The Mersenne Twister of Matsumoto and Nishimura 1998 (https://doi.org/10.1145/272991.272995), seeded as Python does it.
 */
const SIZE = 624;

export class Random {
  private readonly state = new Uint32Array(SIZE);
  private at = SIZE;

  /** `seed`: a whole number from 0 on. */
  constructor(seed: number) {
    const key = [seed >>> 0];
    if (seed >= 2 ** 32) key.push(Math.floor(seed / 2 ** 32) >>> 0);
    this.spread(19650218);
    const { state } = this;
    let i = 1;
    for (let k = 0; k < SIZE; k++) {
      const before = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = (state[i] ^ Math.imul(before, 1664525)) + key[k % key.length] + (k % key.length);
      if (++i === SIZE) (state[0] = state[SIZE - 1]), (i = 1);
    }
    for (let k = 1; k < SIZE; k++) {
      const before = state[i - 1] ^ (state[i - 1] >>> 30);
      state[i] = (state[i] ^ Math.imul(before, 1566083941)) - i;
      if (++i === SIZE) (state[0] = state[SIZE - 1]), (i = 1);
    }
    state[0] = 0x80000000;
  }

  private spread(seed: number): void {
    this.state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      this.state[i] = Math.imul(1812433253, this.state[i - 1] ^ (this.state[i - 1] >>> 30)) + i;
    }
  }

  private twist(): void {
    const { state } = this;
    for (let i = 0; i < SIZE; i++) {
      const mixed = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff);
      state[i] = state[(i + 397) % SIZE] ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.at = 0;
  }

  private bits32(): number {
    if (this.at === SIZE) this.twist();
    let y = this.state[this.at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number from 0 up to, but not, 1, with 53 random bits. */
  next(): number {
    const high = this.bits32() >>> 5;
    const low = this.bits32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }
}
