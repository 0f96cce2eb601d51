/** Many draws against what they should give: the cumulative bar of the draw, counts, and how far off they are. */
import type { Random } from "./random";
import type { Stages } from "./sample";

/** One token's stretch of the bar from 0 to 1. */
export type Stretch = { id: number; from: number; to: number };

/** Some outcomes that are counted together, and how often they should have come. */
export type Cell = { ids: number[]; expected: number; counted: number };

/** The final shares laid end to end, in order of the token ids: what draw() in sample.ts looks its number up on. */
export function cumulativeBar({ ids, final }: Stages): Stretch[] {
  const byId = Array.from(final.keys()).sort((a, b) => ids[a] - ids[b]);
  let sum = 0;
  return byId.map((i) => ({ id: ids[i], from: sum, to: (sum += final[i]) }));
}

/** The stretch on which a random number from 0 to 1 falls. */
export function hit(bar: Stretch[], random: number): Stretch {
  const needle = random * bar[bar.length - 1].to;
  return bar.find((stretch) => stretch.to > needle) ?? bar[bar.length - 1];
}

/** How often each token came in so many draws. */
export function drawMany(bar: Stretch[], random: Random, draws: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let i = 0; i < draws; i++) {
    const { id } = hit(bar, random.next());
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** A cell for each token that should come at least five times, and one for all the others. */
export function cells({ ids, final }: Stages, counts: Map<number, number>, draws: number): Cell[] {
  const single: Cell[] = [];
  const others: Cell = { ids: [], expected: 0, counted: 0 };
  final.forEach((share, i) => {
    const expected = share * draws;
    const counted = counts.get(ids[i]) ?? 0;
    if (expected >= 5) single.push({ ids: [ids[i]], expected, counted });
    else join(others, { ids: [ids[i]], expected, counted });
  });
  return others.ids.length ? [...single, others] : single;
}

function join(into: Cell, cell: Cell): void {
  into.ids.push(...cell.ids);
  into.expected += cell.expected;
  into.counted += cell.counted;
}

/** How far the counts are off, and with how many degrees of freedom; these are also the value that chance gives on
 * average. Too small a last cell (below five expected) is joined with the one before it. */
export function chiSquare(compared: Cell[]): { value: number; freedom: number } {
  const fit = compared.map((cell) => ({ ...cell, ids: [...cell.ids] }));
  if (fit.length > 1 && fit[fit.length - 1].expected < 5) join(fit[fit.length - 2], fit.pop()!);
  const value = fit.reduce((sum, cell) => sum + (cell.counted - cell.expected) ** 2 / cell.expected, 0);
  return { value, freedom: fit.length - 1 };
}

/** By how many standard deviations a chi-square is above its middle (Wilson and Hilferty 1931,
 * https://doi.org/10.1073/pnas.17.12.684): nine of ten times chance stays within 1.64. */
export function deviations({ value, freedom }: { value: number; freedom: number }): number {
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(value / freedom) - (1 - spread)) / Math.sqrt(spread);
}
