/** The loss curve: surprise over updates, with the chosen moment marked. The axis of the updates is a square root. */
import { fill, words } from "../strings";
import type { Growing } from "../types";
import { decimal, whole } from "./numbers";

type Measured = Growing["loss"][0];

const [WIDTH, HEIGHT] = [480, 250];
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 16, 14, 48];
const MIDDLE = (TOP + HEIGHT - BOTTOM) / 2;
const ROOM_BETWEEN_TICKS = 0.12;

export function nearestMeasured(loss: Measured[], step: number): Measured {
  return loss.reduce((best, one) => (Math.abs(one.step - step) < Math.abs(best.step - step) ? one : best));
}

/** `last`: the last update that anything is known of. */
export function Curve({ loss, last, step }: { loss: Measured[]; last: number; step: number }) {
  const t = words().growing;
  const updates = Math.max(1, last, loss[loss.length - 1].step);
  const most = Math.max(...loss.map((one) => one.heldOut), 0.1);
  const x = (step: number) => LEFT + Math.sqrt(step / updates) * (WIDTH - LEFT - RIGHT);
  const y = (nats: number) => HEIGHT - BOTTOM - (nats / most) * (HEIGHT - TOP - BOTTOM);
  const [first, end, measured] = [loss[0], loss[loss.length - 1], nearestMeasured(loss, step)];
  const description = fill(t.chart, {
    first: decimal(first.heldOut, 2),
    firstStep: whole(first.step),
    last: decimal(end.heldOut, 2),
    lastStep: whole(end.step),
  });
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t.curve}>
      <svg class="growing-curve" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={description}>
        {heights(most).map((nats) => (
          <g key={nats}>
            <line class="growing-grid" x1={LEFT} x2={WIDTH - RIGHT} y1={y(nats)} y2={y(nats)} />
            <text x={LEFT - 6} y={y(nats) + 4} text-anchor="end">
              {nats}
            </text>
          </g>
        ))}
        {steps(updates).map((tick) => (
          <text key={tick} x={x(tick)} y={HEIGHT - BOTTOM + 18} text-anchor="middle">
            {whole(tick)}
          </text>
        ))}
        <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 8} text-anchor="middle">
          {t.updates}
        </text>
        <text x={14} y={MIDDLE} text-anchor="middle" transform={`rotate(-90 14 ${MIDDLE})`}>
          {t.surprise}
        </text>
        <polyline class="growing-line" points={loss.map((one) => `${x(one.step)},${y(one.heldOut)}`).join(" ")} />
        <line class="growing-moment" x1={x(step)} x2={x(step)} y1={TOP} y2={HEIGHT - BOTTOM} />
        <circle class="growing-point" cx={x(measured.step)} cy={y(measured.heldOut)} r={5} />
      </svg>
    </div>
  );
}

function heights(most: number): number[] {
  const step = most > 4 ? 2 : most > 2 ? 1 : 0.5;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

/** 0, the last update, and of 1, 2, 5, 10, 20, 50 ... those that have room between. */
function steps(updates: number): number[] {
  const at = (step: number) => Math.sqrt(step / updates);
  const chosen = [0];
  for (let ten = 1; ten < updates; ten *= 10) {
    for (const step of [ten, 2 * ten, 5 * ten]) {
      const fromLast = at(step) - at(chosen[chosen.length - 1]);
      if (fromLast >= ROOM_BETWEEN_TICKS && at(updates) - at(step) >= ROOM_BETWEEN_TICKS) chosen.push(step);
    }
  }
  return [...chosen, updates];
}
