/** The texts that the character was made from: a few megabytes, fetched when somebody asks for them, and once only. */
import { json } from "./store";
import type { Texts } from "./types";

let fetched: Promise<Texts> | undefined;

export function texts(): Promise<Texts> {
  fetched ??= (json("character/texts.json") as Promise<Texts>).catch((error) => {
    fetched = undefined; // the next time it may work
    throw error;
  });
  return fetched;
}
