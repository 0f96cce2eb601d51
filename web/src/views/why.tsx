/** Why this reply? The training texts nearest to it and to the message, and how much of it is copied. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Figure } from "../figure";
import { replyText } from "../model/chat";
import { COPIED, type Copied, copied, distinct, type Index, indexSlowly } from "../model/overlap";
import { type Near, nearest, type Piece, runs, split } from "../model/overlap";
import { fill, words } from "../strings";
import type { Texts, ViewProps } from "../types";
import { percent } from "./labels";
import { whole } from "./numbers";
import { bracketed, thoughtsOf } from "./thoughts";

/** Each text once, with the conversations it stands in; the index has the same order. */
type Shelf = { texts: string[]; where: number[][]; index: Index };
type Library = { texts: Texts; messages: Shelf; replies: Shelf };

const SHOWN = 5;
const MOSTLY = 0.75; // from this share on, a reply counts as mixed of what is known by heart

const libraries = new WeakMap<Texts, Promise<Library>>();

/** Made once for the texts, with pauses in which the page can do other things. */
function library(texts: Texts): Promise<Library> {
  let made = libraries.get(texts);
  if (!made) libraries.set(texts, (made = makeLibrary(texts)));
  return made;
}

async function makeLibrary(texts: Texts): Promise<Library> {
  const pause = () => new Promise<void>((go) => setTimeout(go));
  const shelf = async (lines: string[]): Promise<Shelf> => {
    await pause();
    const once = distinct(lines);
    return { ...once, index: await indexSlowly(once.texts, pause) };
  };
  const messages = await shelf(texts.conversations.map(([message]) => message));
  const replies = await shelf(texts.conversations.map(([, reply]) => reply));
  return { texts, messages, replies };
}

export function WhyView(props: ViewProps & { texts: () => Promise<Texts> }) {
  const t = words().why;
  const [found, setFound] = useState<Library>();
  const [failure, setFailure] = useState<string>();
  const [attempt, setAttempt] = useState(0);

  useEffect(() => {
    let here = true;
    setFailure(undefined);
    props
      .texts()
      .then(library)
      .then(
        (made) => here && setFound(made),
        (error) => here && setFailure(error instanceof Error ? error.message : String(error)),
      );
    return () => {
      here = false;
    };
  }, [attempt]);

  return (
    <section class="why">
      <h2>{t.title}</h2>
      <p>{t.intro}</p>
      {failure !== undefined ? (
        <>
          <p role="alert">{fill(t.failed, { why: failure })}</p>
          <button onClick={() => setAttempt(attempt + 1)}>{t.again}</button>
        </>
      ) : (
        <p role="status">{!found && t.loading}</p>
      )}
      {found && props.exchange.state === "reading" && <p class="note">{t.wait}</p>}
      {found && props.exchange.state !== "reading" && <Findings {...props} library={found} />}
    </section>
  );
}

function Findings({ exchange, tokenizer, library }: ViewProps & { library: Library }) {
  const t = words().why;
  const { message } = exchange;
  const { messages, replies } = library;
  const said = exchange.ids.slice(exchange.replyStarts);
  const reply = replyText(tokenizer, said);
  const thoughts = thoughtsOf(tokenizer, said);
  const found = useMemo(
    () => ({
      copied: copied(reply, replies.index),
      messageKnown: copied(message, messages.index).whole,
      replies: nearest(reply, replies.index, SHOWN),
      messages: nearest(message, messages.index, SHOWN),
    }),
    [library, reply, message],
  );
  const counts = { replies: whole(replies.texts.length), messages: whole(messages.texts.length) };
  return (
    <Figure name="why" data={() => ({ thoughts, ...record(found, message, reply, library) })}>
      {thoughts.length > 0 && <Understood thoughts={thoughts} exchanges={library.texts.exchanges} />}
      <h3>{t.reply}</h3>
      {reply ? <Copying reply={found.copied} /> : <p class="note">{t.noReply}</p>}
      <h3>{t.nearReplies}</h3>
      <Neighbours {...{ library, shelf: replies, near: found.replies, text: reply, other: t.answerTo, side: 0 }} />
      <h3>{t.nearMessages}</h3>
      <p>{found.messageKnown ? t.messageKnown : t.messageNew}</p>
      <Neighbours
        {...{ library, shelf: messages, near: found.messages, text: message, other: t.answeredWith, side: 1 }}
      />
      <p class="note">{fill(t.compared, counts)}</p>
    </Figure>
  );
}

/** What the thoughts before a reply stand for: an exchange of the character's texts. */
function Understood({ thoughts, exchanges }: { thoughts: string[]; exchanges: Texts["exchanges"] }) {
  const t = words().why;
  const meant = exchanges.find(({ topic, name }) => thoughts.includes(`${topic}/${name}`));
  const gaps = meant && { name: nameOf(meant), file: meant.file, count: whole(meant.say) };
  return (
    <>
      <p>
        {fill(t.thought, { names: bracketed(thoughts) })} {gaps ? fill(t.understood, gaps) : t.notUnderstood}
      </p>
      {meant && <Templates reply={meant.reply} />}
    </>
  );
}

function nameOf({ topic, name }: { topic: string; name: string }): string {
  return `${topic} / ${name}`;
}

function Templates({ reply }: { reply: string[] }) {
  const t = words().why;
  return (
    <details>
      <summary>{t.templates}</summary>
      <p class="note">{t.templatesHow}</p>
      <ul class="why-templates">
        {reply.map((template, i) => (
          <li key={i}>
            <code>{template}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Copying({ reply }: { reply: Copied }) {
  const t = words().why;
  const short = split(reply.pieces.map((piece) => piece.text).join("")).length < COPIED;
  return (
    <>
      <blockquote class="why-reply">
        <Marked pieces={reply.pieces} />
      </blockquote>
      <p>{short ? t.short : fill(t.share, { share: percent(reply.share) })}</p>
      <p>{reply.whole ? t.whole : reply.share >= MOSTLY ? t.mixed : t.own}</p>
    </>
  );
}

type Neighbourhood = {
  library: Library;
  shelf: Shelf;
  near: Near[];
  /** What they are near to. */
  text: string;
  /** A sentence about the other half of the conversation, which is [message, reply][side]. */
  other: string;
  side: 0 | 1;
};

function Neighbours({ library, shelf, near, text, other, side }: Neighbourhood): ComponentChildren {
  const t = words().why;
  const { conversations, exchanges } = library.texts;
  if (near.length === 0) return <p class="note">{t.none}</p>;
  return (
    <ol class="why-near">
      {near.map(({ which, run }) => {
        const where = shelf.where[which];
        const conversation = conversations[where[0]];
        const source = exchanges[conversation[2]];
        return (
          <li key={which}>
            <p class="why-text">
              <Marked pieces={runs(shelf.texts[which], text, run)} />
            </p>
            <p class="note">
              {fill(other, { text: conversation[side] })}
              <br />
              {fill(t.stands, { name: nameOf(source), file: source.file })},{" "}
              {where.length === 1 ? t.once : fill(t.times, { count: whole(where.length) })}
            </p>
            <Templates reply={source.reply} />
          </li>
        );
      })}
    </ol>
  );
}

function Marked({ pieces }: { pieces: Piece[] }) {
  return <>{pieces.map(({ text, marked }, i) => (marked ? <mark key={i}>{text}</mark> : text))}</>;
}

type Found = { copied: Copied; messageKnown: boolean; replies: Near[]; messages: Near[] };

function record(found: Found, message: string, reply: string, { texts, messages, replies }: Library): object {
  const tell = (near: Near[], shelf: Shelf) =>
    near.map(({ which, run, shared }) => {
      const where = shelf.where[which];
      const { topic, name, file } = texts.exchanges[texts.conversations[where[0]][2]];
      return { text: shelf.texts[which], run, shared, topic, name, file, conversations: where.length };
    });
  return {
    message,
    messageInTraining: found.messageKnown,
    reply,
    copied: found.copied.share,
    wholeReplyInTraining: found.copied.whole,
    nearestReplies: tell(found.replies, replies),
    nearestMessages: tell(found.messages, messages),
  };
}
