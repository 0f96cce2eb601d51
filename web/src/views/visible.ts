/** Text with its spaces and new lines to be seen. */

export function visible(text: string): string {
  return text.replaceAll(" ", "·").replaceAll("\n", "↵").replaceAll("\t", "⇥").replace(/\p{C}/gu, "�");
}
