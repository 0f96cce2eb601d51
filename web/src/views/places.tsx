/** The model's whole memory as a strip of small cells: who uses which place, what is free, what did not fit. */
import type { ComponentChildren } from "preact";
import { Figure } from "../figure";
import { REPLY_ROOM } from "../model/chat";
import { fill, words } from "../strings";
import type { ViewProps } from "../types";
import { kinds } from "./kinds";
import type { Kind } from "./kinds";

const COLUMNS = 32;
const PITCH = 10;
const CELL = 8;
const LINE = 12;

type Use = Kind | "free";
const USES: Use[] = ["message", "mark", "thought", "reply", "free"];

export function Places({ about, exchange, place, tokenizer }: ViewProps) {
  const t = words().tokens;
  const { context } = about.shape;
  const room = Math.min(REPLY_ROOM, Math.floor(context / 2));
  const kind = kinds(exchange, tokenizer);
  const uses = Array.from({ length: context }, (_, i): Use => kind[i] ?? "free");
  const listed = USES.filter((use) => use !== "thought" || tokenizer.thoughts.size > 0);
  const told = (use: Use) => fill(t.uses[use], { count: uses.filter((each) => each === use).length });
  const height = Math.ceil(context / COLUMNS) * LINE;

  return (
    <>
      <p>{fill(t.placesIntro, { context, room })}</p>
      <Figure name="places" data={() => ({ context, replyRoom: room, leftOut: exchange.leftOut, uses })}>
        <svg
          class="places"
          viewBox={`0 0 ${COLUMNS * PITCH} ${height}`}
          role="img"
          aria-label={fill(t.placesLabel, { context, uses: listed.map(told).join(", ") })}
        >
          {uses.map((use, i) => (
            <g key={i} transform={`translate(${(i % COLUMNS) * PITCH + 1} ${Math.floor(i / COLUMNS) * LINE + 1})`}>
              <Cell use={use} />
              {i >= context - room && <path class="place-room" d={`M0 ${CELL + 1.5}h${CELL}`} />}
              {i === place && <rect class="place-chosen" x={-0.5} y={-0.5} width={CELL + 1} height={CELL + 1} />}
            </g>
          ))}
        </svg>
        <ul class="legend">
          {listed.map((use) => (
            <li key={use}>
              <Sign>
                <Cell use={use} />
              </Sign>{" "}
              {told(use)}
            </li>
          ))}
          <li>
            <Sign>
              <path class="place-room" d={`M0 ${CELL - 1}h${CELL}`} />
            </Sign>{" "}
            {fill(t.room, { room })}
          </li>
          <li>
            <Sign>
              <rect class="place-chosen" width={CELL} height={CELL} />
            </Sign>{" "}
            {t.chosenPlace}
          </li>
        </ul>
      </Figure>
      <p>{exchange.leftOut > 0 ? fill(t.leftOut, { count: exchange.leftOut }) : t.nothingLeftOut}</p>
    </>
  );
}

/** Each use has a shape of its own, so that nobody needs the colours. */
function Cell({ use }: { use: Use }) {
  const half = CELL / 2;
  if (use === "message") return <rect class="place-message" width={CELL} height={CELL} />;
  if (use === "mark") return <path class="place-mark" d={`M${half} 0L${CELL} ${half}L${half} ${CELL}L0 ${half}z`} />;
  if (use === "thought") return <path class="place-thought" d={`M${half} 0L${CELL} ${CELL}H0z`} />;
  if (use === "reply") return <circle class="place-reply" cx={half} cy={half} r={half} />;
  return <rect class="place-free" x={0.5} y={0.5} width={CELL - 1} height={CELL - 1} />;
}

function Sign({ children }: { children: ComponentChildren }) {
  return (
    <svg class="sign" viewBox={`-1 -1 ${CELL + 2} ${CELL + 2}`} aria-hidden="true">
      {children}
    </svg>
  );
}
