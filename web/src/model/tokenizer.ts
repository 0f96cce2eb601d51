/** Byte-level BPE, the reading half: text to token ids and back, as guppylm/tokenizer does it. No library.
 *
 * Text becomes NFC, lowercase, words (each with the space before it), UTF-8 bytes; then the merges that were learned are
 * replayed on each word, earliest first.
 */

/** One round of merging a word: its pieces, and the two that are merged next (at `at` and `at + 1`), if any are. */
export type Round = { pieces: string[]; at?: number };

// GPT-2's cut. White space is spelled out, since \s means something else here than in Python.
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

export const START = "<|im_start|>";
export const END = "<|im_end|>";

const toBytes = new TextEncoder();

/** GPT-2 writes each byte as one visible character: printable Latin-1 as itself, the others from U+0100 on. */
const CHARACTER: string[] = [];
{
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const visible = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    CHARACTER.push(String.fromCharCode(visible ? byte : next++));
  }
}
const BYTE = new Map(CHARACTER.map((character, byte) => [character, byte]));

const THOUGHT = "<|thought:";

export class Tokenizer {
  /** Ids that no text ever becomes: the chat's own marks. */
  readonly special: ReadonlySet<number>;
  /** Those of them by which the model tells itself what it has understood, and their names. */
  readonly thoughts: ReadonlyMap<number, string>;
  readonly size: number;
  private readonly ids: Map<string, number>;
  private readonly pieces: string[] = [];
  private readonly rank = new Map<string, number>();
  private readonly known = new Map<string, number[]>();

  /** From the content of a tokenizer.json. */
  constructor(file: {
    added_tokens: { id: number; content: string; special: boolean }[];
    model: { vocab: Record<string, number>; merges: ([string, string] | string)[] };
  }) {
    this.ids = new Map(Object.entries(file.model.vocab));
    for (const { id, content } of file.added_tokens) this.ids.set(content, id);
    for (const [piece, id] of this.ids) this.pieces[id] = piece;
    this.special = new Set(file.added_tokens.filter((token) => token.special).map((token) => token.id));
    const thoughts = file.added_tokens.filter(({ content }) => content.startsWith(THOUGHT));
    this.thoughts = new Map(thoughts.map(({ id, content }) => [id, content.slice(THOUGHT.length, -"|>".length)]));
    this.size = this.ids.size;
    file.model.merges.forEach((merge, rank) => this.rank.set(typeof merge === "string" ? merge : merge.join(" "), rank));
  }

  id(token: string): number {
    const found = this.ids.get(token);
    if (found === undefined) throw new Error(`the tokenizer has no ${token}`);
    return found;
  }

  /** Text that looks like a special token is encoded as the characters it is. */
  encode(text: string): number[] {
    return words(text).flatMap((word) => this.encodeWord(word));
  }

  private encodeWord(word: string): number[] {
    let ids = this.known.get(word);
    if (!ids) {
      ids = this.merging(word).at(-1)!.pieces.map((piece) => this.ids.get(piece)!);
      this.known.set(word, ids);
    }
    return ids;
  }

  /** How a word becomes tokens, merge by merge: every round, the last one with nothing left to merge. */
  merging(word: string): Round[] {
    let pieces = [...toBytes.encode(word)].map((byte) => CHARACTER[byte]);
    const rounds: Round[] = [];
    for (;;) {
      let best = Infinity;
      for (let i = 0; i + 1 < pieces.length; i++) best = Math.min(best, this.rank.get(`${pieces[i]} ${pieces[i + 1]}`) ?? Infinity);
      if (best === Infinity) return [...rounds, { pieces }];
      const merged: string[] = [];
      let at = -1;
      for (let i = 0; i < pieces.length; i++) {
        if (this.rank.get(`${pieces[i]} ${pieces[i + 1]}`) === best) {
          if (at < 0) at = i;
          merged.push(pieces[i] + pieces[++i]);
        } else merged.push(pieces[i]);
      }
      rounds.push({ pieces, at });
      pieces = merged;
    }
  }

  /** The bytes behind a token, or of its mark's letters if it is special. */
  private bytes(id: number): number[] {
    const piece = this.pieces[id] ?? "";
    return this.special.has(id) ? [...toBytes.encode(piece)] : [...piece].map((character) => BYTE.get(character)!);
  }

  /** Tokens as text; what is no whole character becomes �. Special ones are left out. */
  decode(ids: number[]): string {
    const bytes = ids.filter((id) => !this.special.has(id)).flatMap((id) => this.bytes(id));
    return new TextDecoder().decode(new Uint8Array(bytes));
  }

  /** One token for a label: its text, thoughts by name, other special ones as their mark, half characters as � . */
  show(id: number): string {
    const thought = this.thoughts.get(id);
    return thought !== undefined ? `(${thought})` : new TextDecoder().decode(new Uint8Array(this.bytes(id)));
  }
}

/** A text's words as the merges see them: normalised, each with the space before it. */
export function words(text: string): string[] {
  const composed = text.replace(/\p{Surrogate}/gu, "?").normalize("NFC"); // half a surrogate pair is no character
  // letter by letter, since the whole word's lower case looks at neighbours (a Greek sigma at the end of a word)
  return [...composed].map((letter) => letter.toLowerCase()).join("").match(WORDS) ?? [];
}

/** Bytes written as GPT-2 writes them, made readable: "Ġhi" is " hi". */
export function readable(piece: string): string {
  return new TextDecoder().decode(new Uint8Array([...piece].map((character) => BYTE.get(character) ?? 0x3f)));
}
