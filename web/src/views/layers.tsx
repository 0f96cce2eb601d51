/** Layers: what the model would say if it had to speak after each step of its thinking (the logit lens). */
import { useState } from "preact/hooks";
import { Figure } from "../figure";
import { fill, words } from "../strings";
import type { Guess, ViewProps } from "../types";
import { label, percent, rounded, shownPlace, unabridged } from "./labels";
import { depthName, Guessing, Rise } from "./layers_guess";

/** A cell's colour is as strong as its guess is sure; the style sheet mixes it. */
const sure = ({ share }: Guess) => ({ "--share": share.toFixed(3) });

export function LayersView(props: ViewProps) {
  const t = words().layers;
  const { exchange, tokenizer } = props;
  const [halfSteps, setHalfSteps] = useState(true);
  const [guessing, setGuessing] = useState(true);
  const [guess, setGuess] = useState<{ about: string; depth: number }>();
  const place = shownPlace(props);
  if (place < 0) return <p class="note">{t.waiting}</p>;

  const { lens } = exchange.steps[place].look;
  const depths = Array.from(lens.keys()).filter((depth) => halfSteps || depth % 2 === 0);
  const question = `${exchange.id}/${place}/${halfSteps}`;
  const guessed = guess?.about === question ? guess.depth : undefined;
  const covered = guessing && guessed === undefined;
  const token = label(tokenizer, exchange.ids[place], 30);

  return (
    <section class="layers-view">
      <h2>{t.title}</h2>
      <p>{t.about}</p>
      <p class="note">{t.peek}</p>
      <div class="row">
        <label>
          <input type="checkbox" checked={halfSteps} onChange={() => setHalfSteps(!halfSteps)} /> {t.halfSteps}
        </label>
        <label>
          <input type="checkbox" checked={guessing} onChange={() => setGuessing(!guessing)} /> {t.guessFirst}
        </label>
      </div>
      <p>{fill(t.after, { place: place + 1, token })}</p>
      {guessing && (
        <Guessing
          {...{ lens, depths, halfSteps, guessed, tokenizer }}
          drawn={exchange.ids[place + 1]}
          choose={(depth) => setGuess({ about: question, depth })}
        />
      )}
      <h3>{t.everywhere}</h3>
      <p>{t.everywhereAbout}</p>
      <Figure name="layers" data={() => takeAll(props)}>
        <Everywhere {...props} {...{ place, depths, halfSteps, covered }} />
      </Figure>
      {!covered && (
        <>
          <h3>{fill(t.here, { token })}</h3>
          <Figure name={`layers-place-${place + 1}`} data={() => takePlace(props, place)}>
            <Rise {...{ lens, depths, halfSteps, tokenizer }} />
            <Five {...{ lens, depths, halfSteps, tokenizer }} />
          </Figure>
        </>
      )}
    </section>
  );
}

function Everywhere(
  props: ViewProps & { place: number; depths: number[]; halfSteps: boolean; covered: boolean },
) {
  const t = words().layers;
  const { exchange, tokenizer, place, depths, halfSteps, covered, choosePlace } = props;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t.everywhere}>
      <table class="lens">
        <thead>
          <tr>
            <th scope="col">{t.corner}</th>
            {exchange.steps.map((_, i) => (
              <th key={i} scope="col">
                <button
                  class={i === place ? "token chosen" : "token"}
                  aria-pressed={i === place}
                  title={unabridged(tokenizer, exchange.ids[i])}
                  onClick={() => choosePlace(i)}
                >
                  {label(tokenizer, exchange.ids[i])}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {depths.map((depth) => (
            <tr key={depth}>
              <th scope="row">{depthName(depth, halfSteps)}</th>
              {exchange.steps.map(({ look }, i) => {
                const best = look.lens[depth][0];
                if (i === place && covered) return <td key={i} class="lens-place">?</td>;
                return (
                  <td
                    key={i}
                    class={i === place ? "lens-place" : ""}
                    style={sure(best)}
                    title={[unabridged(tokenizer, best.id), percent(best.share)].filter(Boolean).join(", ")}
                    onClick={() => choosePlace(i)}
                  >
                    {label(tokenizer, best.id)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The chosen place: its five guesses at each depth. */
function Five(props: Pick<ViewProps, "tokenizer"> & { lens: Guess[][]; depths: number[]; halfSteps: boolean }) {
  const t = words().layers;
  const { lens, depths, halfSteps, tokenizer } = props;
  const final = lens[lens.length - 1][0].id;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={t.five}>
      <table class="lens">
        <caption>{t.five}</caption>
        <thead>
          <tr>
            <th scope="col">{t.corner}</th>
            {lens[0].map((_, rank) => <th key={rank} scope="col">{fill(t.rank, { rank: rank + 1 })}</th>)}
          </tr>
        </thead>
        <tbody>
          {depths.map((depth) => (
            <tr key={depth}>
              <th scope="row">{depthName(depth, halfSteps)}</th>
              {lens[depth].map((guess, rank) => (
                <td
                  key={rank}
                  class={guess.id === final ? "lens-final" : ""}
                  style={sure(guess)}
                  title={unabridged(tokenizer, guess.id)}
                >
                  {label(tokenizer, guess.id)} <small>{percent(guess.share)}</small>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const readable = ({ tokenizer }: ViewProps, lens: Guess[][]) =>
  lens.map((guesses, depth) => ({
    depth: depthName(depth, true),
    guesses: guesses.map(({ id, share }) => ({ id, token: tokenizer.show(id), share: rounded(share) })),
  }));

function takePlace(props: ViewProps, place: number): unknown {
  const { exchange, tokenizer } = props;
  const depths = readable(props, exchange.steps[place].look.lens);
  return { place, token: tokenizer.show(exchange.ids[place]), depths };
}

function takeAll(props: ViewProps): unknown {
  return props.exchange.steps.map((_, place) => takePlace(props, place));
}
