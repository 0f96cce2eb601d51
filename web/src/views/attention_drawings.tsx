/** The drawings of attention: a small picture of each head, one head large, and arcs on the line of text. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { words } from "../strings";
import { percent } from "./labels";

export type Cell = { row: number; column: number };

/** One pixel a weight: not there at 0, the whole colour at 1. */
function paint(canvas: HTMLCanvasElement, rows: Float32Array[]): void {
  const size = rows.length;
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d");
  if (!pen) return;
  const image = pen.createImageData(size, size);
  rows.forEach((row, i) => row.forEach((weight, t) => (image.data[(i * size + t) * 4 + 3] = 255 * weight)));
  pen.putImageData(image, 0, 0);
  pen.globalCompositeOperation = "source-in"; // colours what is painted, and leaves it as see-through as it was
  pen.fillStyle = getComputedStyle(canvas).color;
  pen.fillRect(0, 0, size, size);
}

/** Counts how often the page's colours changed: a canvas does not follow by itself. */
export function useColourChanges(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setChanges((count) => count + 1);
    dark.addEventListener("change", changed);
    const chosen = new MutationObserver(changed);
    chosen.observe(document.documentElement, { attributeFilter: ["data-theme", "style"] });
    return () => {
      dark.removeEventListener("change", changed);
      chosen.disconnect();
    };
  }, []);
  return changes;
}

export function Thumbnail(props: {
  rows: Float32Array[];
  colourChanges: number;
  name: string;
  description: string;
  chosen: boolean;
  choose: () => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (canvas.current) paint(canvas.current, props.rows);
  }, [props.rows, props.colourChanges]);
  return (
    <button
      class={props.chosen ? "thumbnail chosen" : "thumbnail"}
      aria-pressed={props.chosen}
      aria-label={`${props.name}: ${props.description}`}
      onClick={props.choose}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <span>{props.name}</span>
    </button>
  );
}

const LEAST_MARGIN = 104; // room for the names of tokens
const LETTER = 6; // width of one in those names
const SHADES = 50;

/** Weights of the same shade share one path, so that 128 x 128 cells stay quick; the palest are left out. */
function shadePaths(rows: Float32Array[], cell: number): Map<number, string> {
  const paths = new Map<number, string>();
  rows.forEach((row, i) =>
    row.forEach((weight, t) => {
      const shade = Math.round(weight * SHADES);
      if (shade > 0) paths.set(shade, `${paths.get(shade) ?? ""}M${t * cell} ${i * cell}h${cell}v${cell}h-${cell}z`);
    }),
  );
  return paths;
}

function marginFor(names: string[]): number {
  return Math.max(LEAST_MARGIN, 12 + LETTER * Math.max(...names.map((name) => [...name].length)));
}

/** `wholes`: what stands for those names that are short for something. */
type Named = { names: string[]; wholes: (string | undefined)[] };

function Names(props: Named & { cell: number; place: number }) {
  const { names, wholes, cell, place } = props;
  const middle = (i: number) => (i + 0.5) * cell + 3;
  return (
    <g class="matrix-names">
      {names.map((name, i) => (
        <g key={i} class={i === place ? "matrix-place" : ""}>
          {wholes[i] && <title>{wholes[i]}</title>}
          <text x={-6} y={middle(i)} text-anchor="end">{name}</text>
          <text x={6} y={middle(i)} transform="rotate(-90)">{name}</text>
        </g>
      ))}
    </g>
  );
}

type MatrixProps = Named & {
  rows: Float32Array[];
  place: number;
  name: string;
  over?: Cell;
  setOver: (over?: Cell) => void;
  choosePlace: (place: number) => void;
};

export function Matrix(props: MatrixProps) {
  const t = words().attention;
  const { rows, names, wholes, place, over } = props;
  const drawing = useRef<SVGSVGElement>(null);
  const size = rows.length;
  const cell = size > 40 ? 11 : 16;
  const edge = size * cell;
  const margin = marginFor(names);
  const whole = margin + edge + 4;
  const cells = useMemo(
    () => (
      <g class="matrix-cells">
        {[...shadePaths(rows, cell)].map(([shade, path]) => (
          <path key={shade} d={path} opacity={shade / SHADES} />
        ))}
      </g>
    ),
    [rows, cell],
  );
  const labels = useMemo(() => <Names {...{ names, wholes, cell, place }} />, [names, wholes, cell, place]);

  function cellAt(event: MouseEvent): Cell | undefined {
    const box = drawing.current!.getBoundingClientRect();
    const at = (from: number, length: number) => Math.floor(((from / length) * whole - margin) / cell);
    const found = { row: at(event.clientY - box.top, box.height), column: at(event.clientX - box.left, box.width) };
    const inside = (i: number) => i >= 0 && i < size;
    return inside(found.row) && inside(found.column) ? found : undefined;
  }

  function pointed(event: MouseEvent): void {
    const found = cellAt(event);
    if (found?.row !== over?.row || found?.column !== over?.column) props.setOver(found);
  }

  function clicked(event: MouseEvent): void {
    const found = cellAt(event);
    if (found) props.choosePlace(found.row);
  }

  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={props.name}>
      <svg
        ref={drawing}
        class="matrix"
        role="img"
        aria-label={props.name}
        width={whole}
        height={whole}
        viewBox={`${-margin} ${-margin} ${whole} ${whole}`}
        onMouseMove={pointed}
        onMouseLeave={() => props.setOver()}
        onClick={clicked}
      >
        <text class="matrix-axis" x={-margin + 4} y={-22}>{`${t.reading} ↓`}</text>
        <text class="matrix-axis" x={-margin + 4} y={-margin + 14}>{`${t.lookedAt} →`}</text>
        <path class="matrix-future" d={`M0 0H${edge}V${edge}z`} />
        {labels}
        {cells}
        <path class="matrix-row" d={`M0 ${place * cell}h${(place + 1) * cell}v${cell}H0z`} />
        {over && over.row < size && (
          <path class="matrix-over" d={`M${over.column * cell} ${over.row * cell}h${cell}v${cell}h-${cell}z`} />
        )}
      </svg>
    </div>
  );
}

const BASE = 92; // the arcs stand on this line, the text is below it

function arc(from: number, to: number): string {
  const top = BASE - 32;
  if (from === to) return `M${from - 5} ${BASE}C${from - 16} ${top} ${from + 16} ${top} ${from + 5} ${BASE}`;
  const half = (from - to) / 2;
  return `M${to} ${BASE}A${half} ${Math.min(half, BASE - 6)} 0 0 1 ${from} ${BASE}`;
}

type ArcsProps = Named & {
  weights: Float32Array;
  place: number;
  name: string;
  choosePlace: (place: number) => void;
};

export function Arcs(props: ArcsProps) {
  const { weights, names, wholes, place, choosePlace } = props;
  const box = useRef<HTMLDivElement>(null);
  const middles: number[] = [];
  let length = 10;
  for (const name of names) {
    const width = Math.max(34, [...name].length * 8 + 10);
    middles.push(length + width / 2);
    length += width;
  }
  const middle = middles[place];
  useEffect(() => {
    if (box.current) box.current.scrollLeft = middle - box.current.clientWidth / 2;
  }, [place]);

  return (
    <div class="scroll" ref={box} tabIndex={0} role="region" aria-label={props.name}>
      <svg class="arcs" role="img" aria-label={props.name} width={length + 10} height={136}>
        {Array.from(weights, (weight, t) =>
          weight >= 0.01 ? <path key={t} class="arc" d={arc(middle, middles[t])} opacity={weight} /> : null,
        )}
        {names.map((name, t) => (
          <g key={t} class={arcTokenClass(t, place)} onClick={() => choosePlace(t)}>
            {wholes[t] && <title>{wholes[t]}</title>}
            <text x={middles[t]} y={BASE + 16} text-anchor="middle">{name}</text>
            {weights[t] >= 0.05 && (
              <text class="arc-share" x={middles[t]} y={BASE + 34} text-anchor="middle">{percent(weights[t])}</text>
            )}
          </g>
        ))}
      </svg>
    </div>
  );
}

function arcTokenClass(at: number, place: number): string {
  if (at === place) return "arc-token arc-place";
  return at > place ? "arc-token arc-later" : "arc-token";
}
