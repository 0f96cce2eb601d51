/** What the views of the inside share: short names of tokens, the place shown, and a line of tokens to choose from. */
import type { Tokenizer } from "../model/tokenizer";
import type { ViewProps } from "../types";
import { written } from "./numbers";
import { visible } from "./visible";

const LEAST_FOR_THOUGHTS = 24; // letters: in fewer, many of them would look alike

/** A token's text with its spaces and line breaks made visible, cut if it is long. The thought
 * "food/do you like a food" is "(/do you like a food)" here, since "(food)" comes before it.
 */
export function label(tokenizer: Tokenizer, id: number, longest = 12): string {
  const thought = tokenizer.thoughts.get(id);
  if (thought === undefined) return cut(visible(tokenizer.show(id)), longest);
  const name = thought.slice(Math.max(0, thought.indexOf("/"))).replace(/\p{C}/gu, "�");
  return `(${cut(name, Math.max(longest, LEAST_FOR_THOUGHTS) - 2)})`;
}

function cut(text: string, longest: number): string {
  const letters = [...text];
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : text;
}

/** The whole text of a token whose label leaves something out: for whoever points at it. */
export function unabridged(tokenizer: Tokenizer, id: number, longest?: number): string | undefined {
  const whole = tokenizer.show(id);
  return [whole, visible(whole)].includes(label(tokenizer, id, longest)) ? undefined : whole;
}

export function percent(share: number): string {
  const digits = share < 0.0995 ? 1 : 0;
  return written(share, { style: "percent", maximumFractionDigits: digits });
}

/** Four digits are enough for a file that somebody takes home. */
export function rounded(share: number): number {
  return Math.round(share * 10000) / 10000;
}

/** The place that a view can show: the chosen one, or the last one read while the reply still comes; -1 for none. */
export function shownPlace({ exchange, place }: ViewProps): number {
  return Math.min(place, exchange.steps.length - 1);
}

/** All tokens read so far as buttons; `onLook` hears which one is pointed at or has the focus. */
export function TokenLine(props: ViewProps & { name: string; onLook?: (place?: number) => void }) {
  const { exchange, tokenizer, choosePlace, onLook } = props;
  const place = shownPlace(props);
  return (
    <div class="tokens" role="group" aria-label={props.name}>
      {exchange.ids.slice(0, exchange.steps.length).map((id, i) => (
        <button
          key={i}
          class={i === place ? "token chosen" : "token"}
          aria-pressed={i === place}
          title={unabridged(tokenizer, id, 30)}
          onClick={() => choosePlace(i)}
          onFocus={() => onLook?.(i)}
          onBlur={() => onLook?.()}
          onMouseEnter={() => onLook?.(i)}
          onMouseLeave={() => onLook?.()}
        >
          {label(tokenizer, id, 30)}
        </button>
      ))}
    </div>
  );
}
