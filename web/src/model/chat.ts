/** The one chat format, as guppylm/chat.py has it: a message -> token ids up to where the reply begins. */
import { END, START, type Tokenizer } from "./tokenizer";

/** Places that a long message must leave free for the reply. */
export const REPLY_ROOM = 48;

export type Prompt = { ids: number[]; leftOut: number };

/** Of a message that is too long, the last part is kept; `leftOut` says how many tokens are not. */
export function encodePrompt(tokenizer: Tokenizer, message: string, context: number): Prompt {
  const [start, end] = [tokenizer.id(START), tokenizer.id(END)];
  const head = tokenizer.encode("user\n");
  const tail = [end, ...tokenizer.encode("\n"), start, ...tokenizer.encode("assistant\n")];
  const room = context - Math.min(REPLY_ROOM, Math.floor(context / 2)) - tail.length - 1;
  const text = tokenizer.encode("user\n" + strip(message));
  const leftOut = Math.max(0, text.length - room);
  const kept = leftOut ? [...head, ...text.slice(leftOut + head.length)] : text;
  return { ids: [start, ...kept, ...tail], leftOut };
}

/** Without white space at either end; Python counts four more characters as such. */
function strip(text: string): string {
  return text.replace(/^[\p{White_Space}\x1c-\x1f]+|[\p{White_Space}\x1c-\x1f]+$/gu, "");
}

/** Tokens of a reply as one line of text: what cannot be shown is dropped. */
export function replyText(tokenizer: Tokenizer, ids: number[]): string {
  const text = tokenizer.decode(ids).replaceAll("\ufffd", "");
  return text.split(/[\p{White_Space}\x1c-\x1f]+/u).filter(Boolean).join(" ").replace(/\p{C}/gu, "");
}

/** The place of a reply's first word, behind its thoughts; where it would stand, if none has come yet. */
export function firstWord(tokenizer: Tokenizer, { ids, replyStarts }: { ids: number[]; replyStarts: number }): number {
  let at = replyStarts;
  while (at < ids.length && tokenizer.thoughts.has(ids[at])) at++;
  return at;
}

/** Ids that never stand in a reply. */
export function forbidden(tokenizer: Tokenizer): number[] {
  return [...tokenizer.special].filter((id) => id !== tokenizer.id(END) && !tokenizer.thoughts.has(id));
}
