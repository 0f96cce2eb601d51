/** What the model told itself before a reply: its thoughts, special tokens in front of the words. */
import type { Tokenizer } from "../model/tokenizer";

/** The thoughts of a reply by name: "food", "food/do you like a food". */
export function thoughtsOf(tokenizer: Tokenizer, reply: number[]): string[] {
  return reply.flatMap((id) => tokenizer.thoughts.get(id) ?? []);
}

/** As the chat shows them: "(food) (food/do you like a food)". */
export function bracketed(thoughts: string[]): string {
  return thoughts.map((name) => `(${name})`).join(" ");
}
