/** What each token of an exchange is there for. */
import type { Tokenizer } from "../model/tokenizer";
import type { Exchange } from "../types";

export type Kind = "message" | "mark" | "thought" | "reply";

/** The person's own words are ids[from] up to, but not, ids[to]; around them in the prompt stands the format. */
export function messageRange(exchange: Exchange, tokenizer: Tokenizer): { from: number; to: number } {
  const head = tokenizer.encode("user\n").length;
  const tail = 2 + tokenizer.encode("\n").length + tokenizer.encode("assistant\n").length;
  return { from: 1 + head, to: exchange.replyStarts - tail };
}

export function kinds(exchange: Exchange, tokenizer: Tokenizer): Kind[] {
  const { from, to } = messageRange(exchange, tokenizer);
  return exchange.ids.map((id, i) => {
    if (i >= exchange.replyStarts && tokenizer.thoughts.has(id)) return "thought";
    if (tokenizer.special.has(id)) return "mark";
    if (i >= exchange.replyStarts) return "reply";
    return i >= from && i < to ? "message" : "mark";
  });
}
