/** The glass tank: water, plants, a castle, bubbles, and whoever lives in there. */
import { Kept } from "./kept";
import type { About } from "./types";

export type Mood = "idle" | "waiting" | "thinking" | "speaking" | "failed";

/** Left edge in % of the tank, size in px, seconds for the way up, seconds of head start. */
type Bubble = [left: number, size: number, seconds: number, ahead: number];

const CALM: Bubble[] = [
  [31, 6, 11, 2], [33, 10, 13, 8], [32, 5, 10, 6], [71, 8, 12, 1], [73, 5, 9, 5], [72, 11, 14, 10], [90, 6, 12, 7],
];
const BUSY: Bubble[] = [
  [57, 7, 3.1, 0], [59, 11, 3.7, 1.2], [61, 5, 2.6, 2], [60, 8, 3.3, 2.7], [63, 6, 2.9, 0.7], [58, 5, 2.5, 1.6],
];

/** Kind, left edge in %, height in % of the tank, seconds for a sway, seconds of head start. */
type Place = [kind: "ribbons" | "leaves", left: number, height: number, seconds: number, ahead: number];

const BEHIND: Place[] = [
  ["leaves", 42, 50, 6.5, 1], ["ribbons", 58, 62, 7.4, 3], ["ribbons", 87, 70, 7, 5], ["leaves", -1, 66, 6.8, 2],
];
const BEFORE: Place[] = [
  ["ribbons", 2, 84, 6.2, 4], ["leaves", 12, 54, 5.6, 0], ["ribbons", 18, 60, 6.9, 2], ["leaves", 93, 44, 6, 3],
];

export function Tank(props: { about: About; pictureUrl: string | undefined; mood: Mood; saying: string }) {
  return (
    <div class="tank" data-mood={props.mood}>
      <Kept of={[props.about]} draw={() => <Scenery name={props.about.name} pictureUrl={props.pictureUrl} />} />
      <Saying mood={props.mood} saying={props.saying} />
    </div>
  );
}

function Scenery(props: { name: string; pictureUrl: string | undefined }) {
  return (
    <>
      <div class="light" aria-hidden="true" />
      <div class="light slow" aria-hidden="true" />
      {BEHIND.map((place) => <Plant key={place[1]} place={place} depth="behind" />)}
      <Bottom />
      <Bubbles bubbles={CALM} kind="calm" />
      <div class="near">
        <div class="drift">
          <div class="bob">
            <Somebody {...props} />
          </div>
        </div>
      </div>
      <Bubbles bubbles={BUSY} kind="busy" />
      {BEFORE.map((place) => <Plant key={place[1]} place={place} depth="before" />)}
      <Surface />
    </>
  );
}

/** The chat beside the tank says the same words, so a screen reader needs them only there. */
function Saying(props: { mood: Mood; saying: string }) {
  if (props.mood === "thinking") {
    return <p class="saying ponders" aria-hidden="true"><i /><i /><i /></p>;
  }
  return props.saying ? <p class="saying" aria-hidden="true"><span>{props.saying}</span></p> : null;
}

function Somebody(props: { name: string; pictureUrl: string | undefined }) {
  if (props.pictureUrl) return <img class="somebody" src={props.pictureUrl} alt={props.name} draggable={false} />;
  const [first = "?"] = props.name;
  return (
    <span class="somebody badge" role="img" aria-label={props.name}>
      <span aria-hidden="true">{first.toUpperCase()}</span>
    </span>
  );
}

function Bubbles(props: { bubbles: Bubble[]; kind: "calm" | "busy" }) {
  return (
    <div class={`bubbles ${props.kind}`} aria-hidden="true">
      {props.bubbles.map(([left, size, seconds, ahead]) => (
        <i
          key={`${left}-${ahead}`}
          style={{
            left: `${left}%`,
            width: `${size}px`,
            height: `${size}px`,
            animationDuration: `${seconds}s`,
            animationDelay: `${-ahead}s`,
          }}
        />
      ))}
    </div>
  );
}

/** Each plant is a drawing of its own, so that the browser only has to tilt a finished picture. */
function Plant(props: { place: Place; depth: "behind" | "before" }) {
  const [kind, left, height, seconds, ahead] = props.place;
  return (
    <svg
      class={`plant ${props.depth}`}
      viewBox="0 0 60 120"
      aria-hidden="true"
      style={{
        left: `${left}%`,
        height: `${height}%`,
        animationDuration: `${seconds}s`,
        animationDelay: `${-ahead}s`,
      }}
    >
      {kind === "ribbons" ? <Ribbons /> : <Leaves />}
    </svg>
  );
}

function Ribbons() {
  return (
    <>
      <path
        class="leaf-dark"
        d="M27 119
          C20 92 34 74 24 48 19 34 9 27 12 12 22 24 35 32 35 52 36 78 28 92 30 119 29 121 28 121 27 119Z"
      />
      <path
        class="leaf"
        d="M32 119
          C30 88 44 72 40 42 38 24 42 14 50 2 51 18 54 30 51 46 47 76 37 90 36 119 35 121 33 121 32 119Z"
      />
      <path
        class="leaf-light"
        d="M22 119
          C20 98 10 88 9 70 8 60 3 54 2 44 11 52 18 60 18 72 19 90 25 98 25 119 24 121 23 121 22 119Z"
      />
      <path class="vein" d="M27 118C25 92 36 76 29 50 26 38 18 28 14 18M34 118C34 88 46 72 45 44 44 28 46 18 49 8" />
    </>
  );
}

const LEAF_ROWS = [104, 88, 72, 56, 41, 27];

/** From the stem at height y out to the tip and back. */
function leaf(y: number, long: number, high: number): string {
  return `M30 ${y}q${long * 0.5} ${-high * 1.5} ${long} ${-high}q${-long * 0.35} ${high * 1.1} ${-long} ${high}Z`;
}

function Leaves() {
  return (
    <>
      <path class="stem" d="M30 120C27 90 33 60 30 12" />
      {LEAF_ROWS.map((y, row) => {
        const long = 22 - row * 2.2;
        const high = 13 - row;
        return (
          <g key={y}>
            <path class="leaf-dark" d={leaf(y, -long, high)} />
            <path class="leaf" d={leaf(y - 5, long, high)} />
          </g>
        );
      })}
      <path class="leaf-light" d="M30 18q-7 -8 0 -17q7 9 0 17Z" />
    </>
  );
}

/** Middle x and y, half the width. */
const PEBBLES = [
  [40, 193, 9], [92, 188, 6], [150, 194, 10], [214, 190, 7], [262, 195, 8],
  [318, 191, 6], [372, 195, 9], [470, 193, 8], [548, 191, 10],
];

/** Far hills, a small castle with an open door, gravel, and a snail. */
function Bottom() {
  return (
    <svg class="bottom" viewBox="0 0 600 200" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <path class="far" d="M0 200V150C60 128 110 160 180 146 250 130 300 158 372 148 450 134 520 126 600 150V200Z" />
      <g class="castle" transform="translate(-26)">
        <path d="M408 184V116h-4v-14h8v7h7v-7h8v7h7v-7h8v14h-4v22h30V92h-4V78h8v7h8v-7h9v7h8v-7h8v14h-4v92Z" />
        <path class="roof" d="M463 78 482 44 501 78Z" />
        <path class="shade" d="M430 116h8v68h-10C434 160 434 140 430 116ZM484 92h11v92h-14C488 150 488 120 484 92Z" />
        <path
          class="hole"
          d="M439 186v-16a9.5 9.5 0 0 1 19 0v16Z
            M476 116v-7a4.5 4.5 0 0 1 9 0v7ZM416 138v-6a3.5 3.5 0 0 1 7 0v6Z"
        />
        <path class="flag" d="M482 44V27l15 5-15 6" />
      </g>
      <path class="gravel" d="M0 200V182C70 172 130 186 210 180 300 173 350 188 430 180 500 174 550 184 600 177V200" />
      {PEBBLES.map(([x, y, size], i) => (
        <ellipse key={x} class={`pebble p${i % 3}`} cx={x} cy={y} rx={size} ry={size * 0.55} />
      ))}
      <g transform="translate(-26)">
        <g class="snail">
          <path d="M360 181q-6 0-8-3 8 1 10-2l22 1q6 0 6-6 0-5 4-5 5 0 4 6-1 9-10 9Z" />
          <path class="feelers" d="M394 167l-2-7M397 167l4-6" />
          <circle class="shell" cx="373" cy="170" r="9" />
          <path class="whorl" d="M373 170q4-3 5 1 0 5-6 5-6-1-5-7 1-6 8-6" />
        </g>
      </g>
    </svg>
  );
}

function Surface() {
  return (
    <svg class="surface" viewBox="0 0 1200 20" preserveAspectRatio="none" aria-hidden="true">
      <path
        d="M0 0H1200V9C1150 15 1100 3 1050 9S950 15 900 9 800 3 750 9 650 15 600 9
          500 3 450 9 350 15 300 9 200 3 150 9 50 15 0 9Z"
      />
    </svg>
  );
}
