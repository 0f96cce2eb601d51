/** Rows of two bars, one light and one full, with numbers and words beside them: one drawing. */

/** Shares are from 0 to 1. */
export type PairedRow = {
  label: string;
  /** What the label is short for, if it is. */
  whole?: string;
  /** Words after the label, and at the end of its line. */
  aside?: string;
  status?: string;
  struck?: boolean;
  light: { share: number; text: string };
  full: { share: number; text: string };
};

const WIDTH = 340;
const ROW = 50;
const LONGEST_BAR = 250;

export function PairedBars({ rows, label }: { rows: PairedRow[]; label: string }) {
  const most = Math.max(...rows.flatMap((row) => [row.light.share, row.full.share]), 1e-9);
  const width = (share: number) => Math.max(1, (share / most) * LONGEST_BAR);
  return (
    <svg class="paired-bars" viewBox={`0 0 ${WIDTH} ${rows.length * ROW}`} role="img" aria-label={label}>
      {rows.map((row, i) => (
        <g key={i} transform={`translate(0 ${i * ROW})`}>
          {row.whole && <title>{row.whole}</title>}
          <text class="next-text" x={0} y={14}>
            <tspan font-weight="bold" text-decoration={row.struck ? "line-through" : "none"}>
              {row.label}
            </tspan>
            {row.aside && (
              <tspan class="next-soft" dx={8}>
                {row.aside}
              </tspan>
            )}
          </text>
          {row.status && (
            <text class="next-soft" x={WIDTH} y={14} text-anchor="end">
              {row.status}
            </text>
          )}
          <rect class="next-light" x={0} y={19} width={width(row.light.share)} height={10} />
          <text class="next-small" x={width(row.light.share) + 6} y={28}>
            {row.light.text}
          </text>
          <rect class="next-full" x={0} y={32} width={width(row.full.share)} height={10} />
          <text class="next-small" x={width(row.full.share) + 6} y={41}>
            {row.full.text}
          </text>
        </g>
      ))}
    </svg>
  );
}
