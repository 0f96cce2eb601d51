/** The draw itself: the random number on the cumulative bar, and a hundred draws against what is expected. */
import { useMemo, useState } from "preact/hooks";
import { Figure } from "../figure";
import { cells, chiSquare, deviations, drawMany, hit } from "../model/chance";
import type { Cell, Stretch } from "../model/chance";
import { Random } from "../model/random";
import type { Stages } from "../model/sample";
import type { Tokenizer } from "../model/tokenizer";
import { fill, words } from "../strings";
import type { Exchange, ViewProps } from "../types";
import { label, unabridged } from "./labels";
import { decimal, percent } from "./numbers";
import { PairedBars } from "./pairedBars";

const DRAWS = 100;
const WIDTH = 340;
/** Narrower stretches are not drawn one by one, and only wider ones have room for a name. */
const THINNEST = 0.002;
const ROOM_FOR_NAME = 0.12;

type Drawn = { road: Stages; bar: Stretch[]; tokenizer: Tokenizer };

export function TheDraw({ exchange, place, road, bar, tokenizer }: ViewProps & Drawn) {
  const t = words().next;
  const show = (id: number) => label(tokenizer, id, 14);
  const why = whyNoNumber(exchange, place, road);
  const random = why ? undefined : exchange.draws[place + 1];
  const found = random === undefined ? undefined : hit(bar, random);
  const number = decimal(random ?? 0, 4);
  const spoken = exchange.ids[place + 1];
  const data = () => ({ random, token: spoken, bar: bar.map((each) => ({ ...each, text: tokenizer.show(each.id) })) });

  return (
    <>
      <p>{t.drawText}</p>
      <Figure name="draw" data={data}>
        <CumulativeBar bar={bar} random={random} found={found} show={show} whole={(id) => tokenizer.show(id)} />
        <p aria-live="polite">
          {why}
          {found && fill(t.falls, { random: number, token: show(found.id), share: percent(width(found)) })}{" "}
          {found && (found.id === spoken ? t.asSpoken : fill(t.otherThanSpoken, { token: show(spoken) }))}
        </p>
      </Figure>
    </>
  );
}

function width({ from, to }: Stretch): number {
  return to - from;
}

/** Why no random number led to the next token, if none did. */
export function whyNoNumber(exchange: Exchange, place: number, road: Stages): string | undefined {
  const t = words().next;
  const { ids, replyStarts, draws, settings, state } = exchange;
  const next = place + 1;
  if (ids[next] === undefined) return state === "reading" ? t.notYet : t.nothingDrawn;
  if (next < replyStarts) return t.given;
  if (settings.temperature === 0 && ids[next] === road.ids[0]) return t.tookLikeliest;
  return draws[next] === undefined ? t.personChose : undefined;
}

type BarProps = { bar: Stretch[]; random?: number; found?: Stretch; show: Name; whole: Name };
type Name = (id: number) => string;

function CumulativeBar({ bar, random, found, show, whole }: BarProps) {
  const t = words().next;
  const needle = (random ?? 0) * WIDTH;
  const anchor = needle < 30 ? "start" : needle > WIDTH - 30 ? "end" : "middle";
  const spokenLabel = random === undefined || !found
    ? fill(t.barLabel, { count: bar.length })
    : fill(t.barLabelHit, { count: bar.length, random: decimal(random, 4), token: show(found.id) });
  return (
    <svg class="cumulative" viewBox={`0 0 ${WIDTH} 78`} role="img" aria-label={spokenLabel}>
      <rect class="next-track" x={0} y={26} width={WIDTH} height={30} />
      {bar.filter((each) => width(each) >= THINNEST).map((each, i) => (
        <g key={each.id}>
          <title>{whole(each.id)}</title>
          <Box each={each} kind={i % 2 ? "next-odd" : "next-even"} />
          {width(each) >= ROOM_FOR_NAME && <StretchName each={each} text={show(each.id)} />}
        </g>
      ))}
      {found && <Box each={found} kind="next-hit" />}
      {random !== undefined && (
        <>
          <path class="next-needle" d={`M${needle} 18V60`} />
          <text class="next-text" x={needle} y={13} text-anchor={anchor}>
            {decimal(random, 4)}
          </text>
        </>
      )}
      <text class="next-soft" x={0} y={73}>0</text>
      <text class="next-soft" x={WIDTH} y={73} text-anchor="end">1</text>
    </svg>
  );
}

function Box({ each, kind }: { each: Stretch; kind: string }) {
  return <rect class={kind} x={each.from * WIDTH} y={26} width={Math.max(1, width(each) * WIDTH)} height={30} />;
}

/** A name is cut to the letters that its stretch has room for. */
function StretchName({ each, text }: { each: Stretch; text: string }) {
  const room = Math.floor((width(each) * WIDTH) / 9);
  const letters = [...text];
  return (
    <text class="next-text" x={((each.from + each.to) / 2) * WIDTH} y={45} text-anchor="middle">
      {letters.length > room ? `${letters.slice(0, room - 1).join("")}…` : letters.join("")}
    </text>
  );
}

export function HundredDraws({ road, bar, tokenizer }: Drawn) {
  const t = words().next;
  const [seed, setSeed] = useState(0);
  const compared = useMemo(() => {
    return seed === 0 ? [] : cells(road, drawMany(bar, new Random(seed), DRAWS), DRAWS);
  }, [road, bar, seed]);
  const name = ({ ids }: Cell) => (ids.length === 1 ? label(tokenizer, ids[0]) : fill(t.others, { count: ids.length }));
  const rows = compared.map((cell) => ({
    label: name(cell),
    whole: cell.ids.length === 1 ? unabridged(tokenizer, cell.ids[0]) : undefined,
    light: { share: cell.expected / DRAWS, text: fill(t.expected, { count: decimal(cell.expected, 1) }) },
    full: { share: cell.counted / DRAWS, text: fill(t.counted, { count: cell.counted }) },
  }));
  const counts = rows.map((row) => `${row.label}: ${row.full.text}, ${row.light.text}`).join("; ");

  return (
    <>
      <p>{t.hundredText}</p>
      <p class="row">
        <button onClick={() => setSeed(seed + 1)}>{t.drawHundred}</button>
        {seed > 0 && <span>{fill(t.seed, { seed })}</span>}
      </p>
      {seed > 0 && (
        <Figure name="hundred-draws" data={() => ({ seed, draws: DRAWS, cells: compared, ...chiSquare(compared) })}>
          <PairedBars rows={rows} label={fill(t.hundredLabel, { counts })} />
          <p class="note">{t.hundredLegend}</p>
          <p aria-live="polite">{sayChiSquare(compared)}</p>
        </Figure>
      )}
    </>
  );
}

function sayChiSquare(compared: Cell[]): string {
  const t = words().next;
  const result = chiSquare(compared);
  if (result.freedom < 1) return t.nothingToCompare;
  const off = deviations(result);
  const verdict = off < -1.64 ? t.closer : off <= 1.64 ? t.usual : off < 3.09 ? t.further : t.muchFurther;
  return fill(t.chiSquare, { value: decimal(result.value, 1), usual: result.freedom, verdict });
}
