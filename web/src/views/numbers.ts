/** Numbers as the reader's language writes them. */

const SMALLEST = 1e-6;

function written(value: number, digits: number): string {
  const language = document.documentElement.lang || "en";
  return value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function whole(value: number): string {
  return written(value, 0);
}

export function decimal(value: number, digits: number): string {
  return written(value, digits);
}

/** Small shares keep two digits that say something. */
export function percent(share: number): string {
  if (share > 0 && share < SMALLEST) return `< ${percent(SMALLEST)}`;
  const digits = share < 0.0995 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 };
  return share.toLocaleString(document.documentElement.lang || "en", { style: "percent", ...digits });
}
