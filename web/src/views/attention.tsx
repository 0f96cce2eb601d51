/** Attention: how much each head, at each place, looks at the places before it. */
import { useMemo, useState } from "preact/hooks";
import { Figure } from "../figure";
import { fill, words } from "../strings";
import type { Exchange, ViewProps } from "../types";
import { Arcs, type Cell, Matrix, Thumbnail, useColourChanges } from "./attention_drawings";
import { label, percent, rounded, shownPlace, TokenLine, unabridged } from "./labels";

/** One head's matrix so far: rows[i][t] is how much place i looks at place t, so row i has i + 1 weights. */
function matrixOf(exchange: Exchange, heads: number, layer: number, head: number): Float32Array[] {
  const part = layer * heads + head;
  return exchange.steps.map(({ look }, i) => look.attention.subarray(part * (i + 1), (part + 1) * (i + 1)));
}

export function AttentionView(props: ViewProps) {
  const t = words().attention;
  const { about, exchange, tokenizer, choosePlace } = props;
  const { layers, heads } = about.shape;
  const [chosen, setChosen] = useState({ layer: 0, head: 0 });
  const [over, setOver] = useState<Cell>();
  const colourChanges = useColourChanges();
  const { steps, ids } = exchange;
  const place = shownPlace(props);
  // steps may grow in place, so the last one tells whether something is new
  const matrices = useMemo(() => {
    const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
    return numbers(layers).map((layer) => numbers(heads).map((head) => matrixOf(exchange, heads, layer, head)));
  }, [exchange.id, steps.length, steps.at(-1), layers, heads]);
  const [names, wholes] = useMemo(() => {
    const read = ids.slice(0, steps.length);
    return [read.map((id) => label(tokenizer, id)), read.map((id) => unabridged(tokenizer, id))];
  }, [exchange.id, steps.length, tokenizer]);

  if (place < 0) return <p class="note">{t.waiting}</p>;

  const rows = matrices[chosen.layer][chosen.head];
  const headName = fill(t.head, { layer: chosen.layer + 1, head: chosen.head + 1 });
  const summary = fill(t.reads, { place: place + 1, token: names[place] });

  function lookAt(column?: number): void {
    setOver(column === undefined ? undefined : { row: place, column });
  }

  return (
    <section class="attention-view">
      <h2>{t.title}</h2>
      <p>{t.about}</p>
      <p class="note">{t.warning}</p>

      <h3>{t.choosePlace}</h3>
      <TokenLine {...props} name={t.choosePlace} onLook={lookAt} />
      <p>{summary}</p>

      <h3>{t.allHeads}</h3>
      <p>{fill(t.allHeadsAbout, { layers, heads, count: layers * heads })}</p>
      <Figure name="attention-all-heads" data={() => takeAll(matrices, names)}>
        <div class="scroll" tabIndex={0} role="region" aria-label={t.allHeads}>
          <div class="thumbnails" style={{ gridTemplateColumns: `repeat(${heads}, minmax(2.5rem, 5rem))` }}>
            {matrices.flatMap((ofLayer, layer) =>
              ofLayer.map((matrix, head) => (
                <Thumbnail
                  key={`${layer}.${head}`}
                  rows={matrix}
                  colourChanges={colourChanges}
                  name={`${layer + 1}.${head + 1}`}
                  description={fill(t.head, { layer: layer + 1, head: head + 1 })}
                  chosen={layer === chosen.layer && head === chosen.head}
                  choose={() => setChosen({ layer, head })}
                />
              )),
            )}
          </div>
        </div>
      </Figure>

      <h3>{headName}</h3>
      <p>{t.mask}</p>
      <p class="looked-number" role="status">
        {sentence(over, rows, names) ?? t.pointAtIt}
      </p>
      <Figure
        name={`attention-${chosen.layer + 1}-${chosen.head + 1}`}
        data={() => ({ ...humanHead(chosen), tokens: names, rows: rows.map((row) => Array.from(row, rounded)) })}
      >
        <Matrix
          {...{ rows, names, wholes, place, over, setOver, choosePlace }}
          name={fill(t.matrixName, { head: headName })}
        />
      </Figure>

      <h3>{t.arcs}</h3>
      <p>{fill(t.arcsAbout, { token: names[place], head: headName })}</p>
      <Figure
        name={`attention-arcs-${chosen.layer + 1}-${chosen.head + 1}`}
        data={() => ({ ...humanHead(chosen), place, tokens: names, weights: Array.from(rows[place], rounded) })}
      >
        <Arcs
          weights={rows[place]}
          {...{ names, wholes, place, choosePlace }}
          name={arcsName(rows[place], names, headName)}
        />
      </Figure>

      <h3>{t.sink}</h3>
      <p>{t.sinkAbout}</p>
      <p>{sinkHere(rows, matrices, place, headName, names)}</p>
    </section>
  );
}

const humanHead = ({ layer, head }: { layer: number; head: number }) => ({ layer: layer + 1, head: head + 1 });

function sentence(over: Cell | undefined, rows: Float32Array[], names: string[]): string | undefined {
  if (!over || over.row >= rows.length) return undefined;
  const t = words().attention;
  const gaps = { from: names[over.row], fromPlace: over.row + 1, to: names[over.column], toPlace: over.column + 1 };
  if (over.column > over.row) return fill(t.hidden, gaps);
  return fill(t.looks, { ...gaps, share: percent(rows[over.row][over.column]) });
}

function arcsName(weights: Float32Array, names: string[], head: string): string {
  const most = Array.from(weights.keys()).sort((a, b) => weights[b] - weights[a]).slice(0, 3);
  const list = most.map((at) => `${names[at]} (${at + 1}) ${percent(weights[at])}`).join(", ");
  return fill(words().attention.arcsName, { token: names[weights.length - 1], head, list });
}

/** How much goes to the first token: from the chosen head, here and on the average, and from all heads here. */
function sinkHere(
  rows: Float32Array[],
  matrices: Float32Array[][][],
  place: number,
  head: string,
  names: string[],
): string {
  const t = words().attention;
  if (place === 0) return t.sinkAtFirst;
  const later = rows.slice(1);
  const mean = later.reduce((sum, row) => sum + row[0], 0) / later.length;
  const all = matrices.flat();
  const caught = all.filter((matrix) => matrix[place][0] > 0.5).length;
  const gaps = { head, token: names[place], first: names[0], here: percent(rows[place][0]), mean: percent(mean) };
  return fill(t.sinkHere, { ...gaps, caught, count: all.length });
}

function takeAll(matrices: Float32Array[][][], tokens: string[]): unknown {
  const heads = matrices.flatMap((ofLayer, layer) =>
    ofLayer.map((rows, head) => ({
      layer: layer + 1,
      head: head + 1,
      rows: rows.map((row) => Array.from(row, rounded)),
    })),
  );
  return { tokens, heads };
}
