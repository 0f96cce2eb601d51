/** The tour: eleven stops through the whole page, five minutes in all. */
import { useEffect, useRef, useState } from "preact/hooks";
import { fill, words } from "./strings";

type Name = keyof ReturnType<typeof words>["tour"]["stops"];

/** A stop without a view is about the chat, which is always there. */
const STOPS: { name: Name; view?: string }[] = [
  { name: "chat" },
  { name: "tokens", view: "tokens" },
  { name: "next", view: "next" },
  { name: "draws", view: "next" },
  { name: "attention", view: "attention" },
  { name: "layers", view: "layers" },
  { name: "switchoff", view: "switchoff" },
  { name: "growing", view: "growing" },
  { name: "why", view: "why" },
  { name: "code", view: "code" },
  { name: "own" },
];

type Props = {
  goTo: (view: string, place?: number) => void;
  leave: () => void;
  /** A place worth looking at: the one before the reply's first token. */
  place?: number;
};

export function Tour({ goTo, leave, place }: Props) {
  const t = words().tour;
  const [at, setAt] = useState(0);
  const heading = useRef<HTMLHeadingElement>(null);
  const { name, view } = STOPS[at];
  const stop = t.stops[name];
  const last = STOPS.length - 1;

  useEffect(() => {
    if (view) goTo(view, place);
    heading.current?.focus({ preventScroll: true });
  }, [at]);

  const move = (by: number) => setAt(Math.max(0, Math.min(last, at + by)));

  function onKeyDown(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") leave();
    else if (event.key === "ArrowRight") move(1);
    else if (event.key === "ArrowLeft") move(-1);
    else return;
    event.preventDefault();
  }

  return (
    <section class="tour panel" aria-label={t.label} onKeyDown={onKeyDown}>
      <p class="note">{fill(t.progress, { stop: at + 1, all: STOPS.length })}</p>
      <h2 ref={heading} tabIndex={-1}>
        {stop.title}
      </h2>
      <p>{stop.text}</p>
      <p>
        <strong>{t.task}</strong> {stop.task}
      </p>
      <div class="row">
        <button disabled={at === 0} onClick={() => move(-1)}>
          {t.back}
        </button>
        <button onClick={() => (at === last ? leave() : move(1))}>{at === last ? t.done : t.next}</button>
        {at < last && (
          <button class="quiet" onClick={leave}>
            {t.leave}
          </button>
        )}
      </div>
      <p class="note tour-keys">{t.keys}</p>
    </section>
  );
}
