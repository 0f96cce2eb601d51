/** The code: the package's own Python for each step, beside the numbers of this exchange. */
import { useEffect, useState } from "preact/hooks";
import { Figure } from "../figure";
import { fill, words } from "../strings";
import type { Code, ViewProps } from "../types";
import { Numbers } from "./code_numbers";
import { tint } from "./code_tint";
import { label } from "./labels";
import { whole } from "./numbers";

export const TOPICS = [
  "tokens",
  "chat",
  "embedding",
  "attention",
  "feed-forward",
  "block",
  "head",
  "sampling",
  "loss",
  "update",
] as const;
export type Topic = (typeof TOPICS)[number];

/** Where the other views' code is found. */
const TOPIC_OF_VIEW: Record<string, Topic> = {
  next: "sampling",
  layers: "head",
  switchoff: "block",
  growing: "update",
};

function topicOf(name: string): Topic {
  return TOPICS.find((topic) => topic === name) ?? TOPIC_OF_VIEW[name] ?? "tokens";
}

export function CodeView(props: ViewProps & { code: Code | undefined; topic: string }) {
  const t = words().code;
  const { code, exchange, place, tokenizer } = props;
  const [topic, choose] = useState<Topic>(topicOf(props.topic));
  useEffect(() => choose(topicOf(props.topic)), [props.topic]);
  const functions = code?.[topic] ?? [];
  const id = exchange.ids[place];

  return (
    <section class="code">
      <h2>{t.title}</h2>
      <p>{t.intro}</p>
      <div class="row" role="group" aria-label={t.topics}>
        {TOPICS.map((name) => (
          <button
            key={name}
            class={name === topic ? "chosen" : ""}
            aria-pressed={name === topic}
            onClick={() => choose(name)}
          >
            {t.names[name]}
          </button>
        ))}
      </div>
      <p>{t.about[topic]}</p>
      <div class="code-beside">
        <div class="code-functions">
          {!code && <p class="note">{t.missing}</p>}
          {code && functions.length === 0 && <p class="note">{t.none}</p>}
          {functions.map((one) => (
            <Source key={`${one.file}:${one.line}`} {...one} />
          ))}
        </div>
        <div class="code-numbers">
          <h3>{t.numbers}</h3>
          {id !== undefined && <p class="note">{fill(t.place, { place: place + 1, token: label(tokenizer, id) })}</p>}
          <Numbers {...props} topic={topic} />
        </div>
      </div>
    </section>
  );
}

function Source({ file, line, name, source }: Code[string][0]) {
  const t = words().code;
  const caption = fill(t.from, { name, file, line: whole(line) });
  return (
    <Figure name={name} data={() => ({ file, line, name, source })}>
      <figcaption>{caption}</figcaption>
      <pre class="scroll code-source" tabIndex={0} role="region" aria-label={caption}>
        <code>
          {tint(source).map(({ kind, text }, i) =>
            kind ? (
              <span key={i} class={`code-${kind}`}>
                {text}
              </span>
            ) : (
              text
            ),
          )}
        </code>
      </pre>
    </Figure>
  );
}
