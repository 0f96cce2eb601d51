/** Which words do two texts share? Pure functions; `guppylm explain` computes the same numbers in Python.
 *
 * Word: a longest run of letters, digits and apostrophes (Unicode L and N, ' and ’) of the text in NFC; then in lower
 * case. In Python: [word.lower() for word in re.findall(r"(?:[^\W_]|['’])+", unicodedata.normalize("NFC", text))].
 * Run: words that follow each other; what stands between them (spaces, commas) does not count.
 */
const WORD = /[\p{L}\p{N}'’]+/gu;
/** So many words in a row count as copied. */
export const COPIED = 4;
const BORDER = 0; // stands between the texts of an index, so that no run goes over
const UNKNOWN = -1;
const SLICE = 500; // texts that are read between two pauses

export type Near = {
  /** The candidate's number. */
  which: number;
  /** It was found by runs of so many words: 3, 2 or 1. */
  run: number;
  /** How many different runs of that length it shares with the text. */
  shared: number;
};

export type Piece = { text: string; marked: boolean };

export type Copied = {
  /** From 0 to 1. */
  share: number;
  whole: boolean;
  /** The reply cut up: copied words are marked. Joined, the pieces are the reply. */
  pieces: Piece[];
};

export function split(text: string): string[] {
  return [...text.normalize("NFC").matchAll(WORD)].map(([word]) => word.toLowerCase());
}

/** Texts as one long line of word numbers, and for each word the places where it stands in it. */
export class Index {
  /** A border, the first text's words, a border, the second's, a border and so on. */
  readonly line: number[] = [BORDER];
  /** The number of the text that each place of the line belongs to. */
  readonly owner: number[] = [UNKNOWN];
  /** Words in each text. */
  readonly lengths: number[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly places: number[][] = [[]];

  add(text: string): void {
    const words = split(text);
    for (const word of words) {
      let number = this.numbers.get(word);
      if (number === undefined) {
        number = this.places.push([]) - 1;
        this.numbers.set(word, number);
      }
      this.places[number].push(this.line.length);
      this.append(number);
    }
    this.append(BORDER);
    this.lengths.push(words.length);
  }

  private append(number: number): void {
    this.line.push(number);
    this.owner.push(this.lengths.length);
  }

  /** Words as their numbers here. */
  read(words: string[]): number[] {
    return words.map((word) => this.numbers.get(word) ?? UNKNOWN);
  }

  /** The places of the line at which this run of words begins, in order. */
  *find(run: number[]): Generator<number> {
    let rarest = 0;
    for (let i = 0; i < run.length; i++) {
      if (run[i] === UNKNOWN) return;
      if (this.places[run[i]].length < this.places[run[rarest]].length) rarest = i;
    }
    for (const place of this.places[run[rarest]]) {
      const start = place - rarest;
      let i = 0;
      while (i < run.length && this.line[start + i] === run[i]) i++;
      if (i === run.length) yield start;
    }
  }

  holds(run: number[]): boolean {
    return !this.find(run).next().done;
  }
}

export function index(texts: Iterable<string>): Index {
  const result = new Index();
  for (const text of texts) result.add(text);
  return result;
}

/** The same without holding up everything else: it waits for `pause` now and then. */
export async function indexSlowly(texts: string[], pause: () => Promise<void>): Promise<Index> {
  const result = new Index();
  for (let i = 0; i < texts.length; i++) {
    if (i % SLICE === SLICE - 1) await pause();
    result.add(texts[i]);
  }
  return result;
}

/** Each text once, in order of first appearance, with the places where it stood. */
export function distinct(texts: string[]): { texts: string[]; where: number[][] } {
  const found = new Map<string, number[]>();
  texts.forEach((text, i) => {
    const where = found.get(text);
    if (where) where.push(i);
    else found.set(text, [i]);
  });
  return { texts: [...found.keys()], where: [...found.values()] };
}

/** The `count` candidates that share most with the text.
 *
 * How near a candidate is: how many of the text's different runs of three words stand in it. Of equally near ones the
 * one with fewer words comes first, then the one with the lower number. If fewer than `count` share a run of three,
 * the others follow by runs of two in the same way, and then by single words. Who shares no word is no neighbour.
 */
export function nearest(text: string, candidates: Index, count: number): Near[] {
  const words = candidates.read(split(text));
  const found: Near[] = [];
  for (let run = 3; run >= 1 && found.length < count; run--) {
    const already = new Set(found.map((near) => near.which));
    const shared = sharedRuns(differentRuns(words, run), candidates);
    found.push(...best(shared, candidates, count - found.length, run, already));
  }
  return found;
}

function differentRuns(words: number[], length: number): number[][] {
  const runs = new Map<string, number[]>();
  for (let i = 0; i + length <= words.length; i++) {
    const run = words.slice(i, i + length);
    runs.set(run.join(" "), run);
  }
  return [...runs.values()];
}

/** For each candidate, how many of the runs stand in it. */
function sharedRuns(runs: number[][], candidates: Index): Uint16Array {
  const shared = new Uint16Array(candidates.lengths.length);
  for (const run of runs) {
    let last = UNKNOWN;
    for (const place of candidates.find(run)) {
      const which = candidates.owner[place];
      if (which !== last) shared[which]++; // the places come in order: a second one in the same text follows at once
      last = which;
    }
  }
  return shared;
}

function best(shared: Uint16Array, { lengths }: Index, count: number, run: number, already: Set<number>): Near[] {
  const order = (a: number, b: number) => shared[b] - shared[a] || lengths[a] - lengths[b] || a - b;
  const kept: number[] = [];
  for (let which = 0; which < shared.length; which++) {
    if (shared[which] === 0 || already.has(which)) continue;
    if (kept.length === count && order(which, kept[count - 1]) > 0) continue;
    kept.push(which);
    kept.sort(order);
    kept.length = Math.min(kept.length, count);
  }
  return kept.map((which) => ({ which, run, shared: shared[which] }));
}

/** `text` cut up; marked are the words in a run of `least` or more words that stands in `other` as well.
 *
 * If the text has fewer words than `least`, all of them in one run are enough.
 */
export function runs(text: string, other: string, least: number): Piece[] {
  const there = index([other]);
  const words = there.read(split(text));
  return cut(text, covered(words, there, Math.min(least, words.length)));
}

/** How much of a reply is copied from the replies in training.
 *
 * `share`: of the reply's words, those that stand in a run of four or more words which stands, as such a run, within
 * one single training reply; different runs may come from different replies. A reply of fewer than four words counts
 * as copied if all of it stands in one run within one training reply. Without words, the share is 0.
 * `whole`: some training reply has exactly the same words in the same order, and no others.
 */
export function copied(reply: string, replies: Index): Copied {
  const words = replies.read(split(reply));
  const marked = covered(words, replies, Math.min(COPIED, words.length));
  const share = words.length ? marked.filter(Boolean).length / words.length : 0;
  return { share, whole: standsAlone(words, replies), pieces: cut(reply, marked) };
}

function standsAlone(words: number[], texts: Index): boolean {
  if (words.length === 0) return false;
  for (const place of texts.find(words)) {
    if (texts.line[place - 1] === BORDER && texts.line[place + words.length] === BORDER) return true;
  }
  return false;
}

/** For each word: is it part of a run of so many words that stands there? */
function covered(words: number[], there: Index, length: number): boolean[] {
  const result = words.map(() => false);
  for (let i = 0; length > 0 && i + length <= words.length; i++) {
    if (there.holds(words.slice(i, i + length))) result.fill(true, i, i + length);
  }
  return result;
}

/** Marked words that follow each other become one piece, together with what stands between them. */
function cut(text: string, marked: boolean[]): Piece[] {
  const composed = text.normalize("NFC");
  const pieces: Piece[] = [];
  let done = 0;
  const take = (end: number, mark: boolean) => {
    const last = pieces.at(-1);
    const part = composed.slice(done, end);
    if (last?.marked === mark) last.text += part;
    else if (part) pieces.push({ text: part, marked: mark });
    done = end;
  };
  [...composed.matchAll(WORD)].forEach((word, i) => {
    take(word.index, marked[i] && i > 0 && marked[i - 1]);
    take(word.index + word[0].length, marked[i]);
  });
  take(composed.length, false);
  return pieces;
}
