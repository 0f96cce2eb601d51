/** Numbers as the reader's language writes them. */

const SMALLEST = 1e-6;

const writers = new Map<string, Intl.NumberFormat>();

/** A number in the page's language. Those who write them are kept: to make one takes a browser a millisecond. */
export function written(value: number, how: Intl.NumberFormatOptions): string {
  const language = document.documentElement.lang || "en";
  const key = language + JSON.stringify(how);
  let writer = writers.get(key);
  if (!writer) writers.set(key, (writer = new Intl.NumberFormat(language, how)));
  return writer.format(value);
}

export function decimal(value: number, digits: number): string {
  return written(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function whole(value: number): string {
  return decimal(value, 0);
}

/** Small shares keep two digits that say something. */
export function percent(share: number): string {
  if (share > 0 && share < SMALLEST) return `< ${percent(SMALLEST)}`;
  const digits = share < 0.0995 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
  return written(share, { style: "percent", ...digits });
}
