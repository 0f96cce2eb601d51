/** Guess before you look: at which depth does the model first say what it says in the end? And how it rises to it. */
import type { Tokenizer } from "../model/tokenizer";
import { fill, words } from "../strings";
import type { Guess } from "../types";
import { label, percent } from "./labels";

type Props = { lens: Guess[][]; depths: number[]; halfSteps: boolean; tokenizer: Tokenizer };

/** Depth 0 is before the first layer; then each layer has two, after its attention and after its feed-forward. */
export function depthName(depth: number, halfSteps: boolean): string {
  const t = words().layers;
  if (depth === 0) return t.start;
  const layer = Math.ceil(depth / 2);
  if (!halfSteps) return fill(t.layer, { layer });
  return fill(depth % 2 === 1 ? t.afterAttention : t.afterFeedForward, { layer });
}

/** Positions in `depths`: where the final token comes first for the first time, and from where on it stays. */
function whenSaid(lens: Guess[][], depths: number[]): { first: number; stays: number } {
  const final = lens[lens.length - 1][0].id;
  const says = depths.map((depth) => lens[depth][0].id === final);
  return { first: says.indexOf(true), stays: says.lastIndexOf(false) + 1 };
}

export function Guessing(props: Props & { guessed?: number; drawn?: number; choose: (depth: number) => void }) {
  const t = words().layers;
  const { lens, depths, halfSteps, guessed, tokenizer, choose } = props;
  const token = label(tokenizer, lens[lens.length - 1][0].id, 30);
  const open = guessed === undefined;
  const right = open ? undefined : depths[whenSaid(lens, depths).first];
  const question = fill(t.question, { token });
  return (
    <div class="guessing">
      <h3>{question}</h3>
      <div class="row" role="group" aria-label={question}>
        {depths.map((depth) => (
          <button
            key={depth}
            class={depth === guessed ? "quiet chosen" : "quiet"}
            aria-pressed={depth === guessed}
            aria-disabled={!open}
            onClick={() => open && choose(depth)}
          >
            {depth === right && "✓ "}
            {depthName(depth, halfSteps)}
          </button>
        ))}
      </div>
      <div role="status">{!open && <Revealed {...props} guessed={guessed} token={token} />}</div>
    </div>
  );
}

function Revealed(props: Props & { guessed: number; drawn?: number; token: string }) {
  const t = words().layers;
  const { lens, depths, halfSteps, guessed, drawn, token, tokenizer } = props;
  const { first, stays } = whenSaid(lens, depths);
  const off = depths.indexOf(guessed) - first;
  const distance = Math.abs(off) === 1 ? t.oneRow : fill(t.rows, { count: Math.abs(off) });
  const final = lens[lens.length - 1][0].id;
  return (
    <>
      <p>
        {fill(t.answer, { token, depth: depthName(depths[first], halfSteps) })}{" "}
        {off === 0 ? t.right : fill(off < 0 ? t.tooEarly : t.tooLate, { distance })}
      </p>
      {stays > first && <p>{fill(t.lostAgain, { token, depth: depthName(depths[stays], halfSteps) })}</p>}
      {drawn !== undefined && drawn !== final && (
        <p>{fill(t.drawnOther, { token, drawn: label(tokenizer, drawn, 30) })}</p>
      )}
    </>
  );
}

const LINE = 20;
const NAMES = 190;
const BAR = 150;

/** The share of the final token at each depth; where it is not among the five, there is no bar. */
export function Rise({ lens, depths, halfSteps, tokenizer }: Props) {
  const t = words().layers;
  const final = lens[lens.length - 1][0].id;
  const shares = depths.map((depth) => lens[depth].find(({ id }) => id === final)?.share);
  const told = (share?: number) => (share === undefined ? t.notAmongFive : percent(share));
  const title = fill(t.rise, { token: label(tokenizer, final, 30) });
  const list = depths.map((depth, i) => `${depthName(depth, halfSteps)}: ${told(shares[i])}`).join("; ");
  return (
    <>
      <p>{title}</p>
      <div class="scroll" tabIndex={0} role="region" aria-label={title}>
        <svg
          class="rise"
          role="img"
          aria-label={`${title} ${list}`}
          width={NAMES + BAR + 150}
          height={depths.length * LINE + 4}
        >
          {depths.map((depth, i) => (
            <g key={depth}>
              <text x={NAMES - 8} y={i * LINE + 15} text-anchor="end">{depthName(depth, halfSteps)}</text>
              <rect class="rise-room" x={NAMES} y={i * LINE + 3} width={BAR} height={LINE - 6} />
              <rect class="rise-bar" x={NAMES} y={i * LINE + 3} width={BAR * (shares[i] ?? 0)} height={LINE - 6} />
              <text x={NAMES + BAR + 8} y={i * LINE + 15}>{told(shares[i])}</text>
            </g>
          ))}
        </svg>
      </div>
    </>
  );
}
