/** A part of the page that is drawn anew only when something of what it shows has changed. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";

export function Kept({ of, draw }: { of: unknown[]; draw: () => JSX.Element | null }) {
  return useMemo(draw, of);
}
