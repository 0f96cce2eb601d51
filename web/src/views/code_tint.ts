/** Python source cut into pieces, so that its keywords, strings and comments can look different. */
export type Tinted = { kind?: "keyword" | "string" | "comment"; text: string };

const KEYWORDS =
  "and as assert break class continue def del elif else except False finally for from if import in is lambda None " +
  "not or pass raise return self True try while with yield";

const STRING = String.raw`(?<!\w)[rRbBfF]{0,2}(?:"""[^]*?"""|'''[^]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')`;
const KEYWORD = String.raw`\b(?:${KEYWORDS.replaceAll(" ", "|")})\b`;
const PIECE = new RegExp(`(?<comment>#.*)|(?<string>${STRING})|(?<keyword>${KEYWORD})`, "g");

export function tint(source: string): Tinted[] {
  const pieces: Tinted[] = [];
  let done = 0;
  for (const match of source.matchAll(PIECE)) {
    if (match.index > done) pieces.push({ text: source.slice(done, match.index) });
    const kind = (["comment", "string", "keyword"] as const).find((kind) => match.groups![kind]);
    pieces.push({ kind, text: match[0] });
    done = match.index + match[0].length;
  }
  return [...pieces, { text: source.slice(done) }];
}
