/** How one word becomes tokens, merge by merge: a word of the message, or any that is typed. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Figure } from "../figure";
import { END, START, readable, words } from "../model/tokenizer";
import type { Round, Tokenizer } from "../model/tokenizer";
import { fill, words as strings } from "../strings";
import { label } from "./labels";
import { visible } from "./visible";

/** More letters than this in one word would make too many rounds to look at. */
const LONGEST = 64;
const MOST_WORDS = 40;

type Props = { message: string; tokenizer: Tokenizer; typed: string; type: (text: string) => void };

function wordsToChoose(text: string): string[] {
  const short = words(text).filter((word) => word.length <= LONGEST && word.trim());
  return [...new Set(short)].slice(0, MOST_WORDS);
}

function longest(list: string[]): string | undefined {
  return list.reduce<string | undefined>((best, word) => (best && best.length >= word.length ? best : word), undefined);
}

export function Merging({ message, tokenizer, typed, type }: Props) {
  const t = strings().tokens;
  const [picked, setPicked] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const list = wordsToChoose(typed || message);
  const word = list.includes(picked) ? picked : longest(list);

  // the button that fills the field stands further down the page
  useEffect(() => {
    if (typed === END) field.current?.focus();
  }, [typed]);

  return (
    <>
      <p>{t.mergingIntro}</p>
      <p>
        <label>
          {t.field}{" "}
          <input
            ref={field}
            type="text"
            maxLength={LONGEST}
            value={typed}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => type(event.currentTarget.value)}
          />
        </label>
      </p>
      {typed && <Whole text={typed} tokenizer={tokenizer} />}
      {list.length > 1 && (
        <div class="row" role="group" aria-label={t.pickWord}>
          <span>{t.pickWord}</span>
          {list.map((each) => (
            <button
              key={each}
              class={`quiet ${each === word ? "chosen" : ""}`}
              aria-pressed={each === word}
              onClick={() => setPicked(each)}
            >
              {visible(each)}
            </button>
          ))}
        </div>
      )}
      {word === undefined ? <p class="note">{t.noWord}</p> : <Rounds key={word} word={word} tokenizer={tokenizer} />}
    </>
  );
}

/** What a typed text becomes as a whole; a mark that is only written is no mark. */
function Whole({ text, tokenizer }: { text: string; tokenizer: Tokenizer }) {
  const t = strings().tokens;
  const ids = tokenizer.encode(text);
  const tokens = ids.map((id) => `${label(tokenizer, id, LONGEST)} (${id})`).join("  ");
  const mark = [END, START].find((each) => text.includes(each));
  return (
    <p aria-live="polite">
      {fill(t.whole, { count: ids.length, tokens })}
      {mark && ` ${fill(t.onlyText, { mark, id: tokenizer.id(mark) })}`}
    </p>
  );
}

function Rounds({ word, tokenizer }: { word: string; tokenizer: Tokenizer }) {
  const t = strings().tokens;
  const [at, setAt] = useState(0);
  const rounds = tokenizer.merging(word);
  const round = rounds[at];
  const characters = [...word].length;
  const bytes = rounds[0].pieces.length;
  const data = () => ({ word, rounds: rounds.map(({ pieces, at }) => ({ pieces: pieces.map(readable), next: at })) });

  return (
    <Figure name="merging" data={data}>
      <ol class="row pieces" aria-label={t.pieces}>
        {round.pieces.map((piece, i) => (
          <Piece key={`${at}.${i}`} piece={piece} first={i === round.at} second={i - 1 === round.at} />
        ))}
      </ol>
      <p aria-live="polite">
        {fill(t.round, { round: at + 1, all: rounds.length })} {sayRound(round)}
      </p>
      <div class="row">
        <button disabled={at === 0} onClick={() => setAt(at - 1)}>
          {t.previousRound}
        </button>
        <button disabled={at === rounds.length - 1} onClick={() => setAt(at + 1)}>
          {t.nextRound}
        </button>
      </div>
      {bytes > characters && <p class="note">{fill(t.severalBytes, { characters, bytes })}</p>}
    </Figure>
  );
}

function Piece({ piece, first, second }: { piece: string; first: boolean; second: boolean }) {
  return (
    <li class={first || second ? "piece pair" : "piece"}>
      {second && <span class="plus">+ </span>}
      {visible(readable(piece))}
    </li>
  );
}

function sayRound({ pieces, at }: Round): string {
  const t = strings().tokens;
  if (at === undefined) return fill(pieces.length === 1 ? t.mergedToOne : t.merged, { count: pieces.length });
  const [first, second] = [pieces[at], pieces[at + 1]].map((piece) => visible(readable(piece)));
  return fill(t.mergeNext, { first, second });
}
