/** What the parts of the page say to each other. Shapes: V vocabulary, L layers, H heads, T places read so far. */

/** A model's measures; the same names as in guppylm/model.py. */
export type Shape = {
  vocabulary: number;
  context: number;
  layers: number;
  width: number;
  heads: number;
  feedForward: number;
};

/** A token and how likely it was. */
export type Guess = { id: number; share: number };

/** What went on inside while one token was read. */
export type Look = {
  /** Head h of layer l looks from this place at place t with weight attention[(l * H + h) * T + t]; each head's T weights sum to 1. */
  attention: Float32Array;
  /** The five likeliest next tokens (temperature 1, nothing ruled out) if the model had to speak already: before the
   * first layer, then after each attention and each feed-forward: 2 L + 1 depths, the likeliest first. */
  lens: Guess[][];
};

/** One token was read. */
export type Step = {
  /** Scores of the token that comes next (V,). */
  logits: Float32Array;
  look: Look;
};

export type Settings = {
  /** 0 takes the likeliest token always. */
  temperature: number;
  /** Only so many of the likeliest; 0 for no limit. */
  topK: number;
  topP: number;
  seed: number;
};

/** Parts of the model that are switched off: head "l.h", feed-forward "l.ffn". */
export type Off = ReadonlySet<string>;

/** One message and one reply to it, as the model saw them. */
export type Exchange = {
  id: number;
  message: string;
  settings: Settings;
  /** Tokens of the prompt, then those of the reply (its end token too, once it came). */
  ids: number[];
  /** ids[replyStarts] is the first token of the reply. */
  replyStarts: number;
  /** How many tokens at the message's beginning did not fit and were left out. */
  leftOut: number;
  /** steps[i]: what the model gave after reading ids[i]. So steps[i - 1] says how likely ids[i] was. */
  steps: Step[];
  /** draws[i]: the random number from 0 to 1 by which ids[i] was drawn; undefined in the prompt and where a person chose. */
  draws: (number | undefined)[];
  /** The branch it came from: the reply of exchange `of` was left at place `at`. */
  branch?: { of: number; at: number };
  /** The file of the earlier moment's model that said it, if it was not the finished one. */
  model?: string;
  state: "reading" | "done" | "stopped" | "failed";
};

/** The character, as the page's folder tells it (character/about.json). */
export type About = {
  name: string;
  about: string;
  prompts: string[];
  /** A hash of everything in the folder. */
  version: string;
  /** Colours of the page, CSS colours; each may be missing. */
  colours: { water?: string; accent?: string };
  /** Whether character/picture.svg is there. */
  picture: boolean;
  shape: Shape;
  /** Bytes of the files that are fetched. */
  bytes: Record<string, number>;
};

/** character/growing.json: how it learned. */
export type Growing = {
  /** Updates done, and the mean surprise (nats a token) on conversations that it never saw. */
  loss: { step: number; heldOut: number }[];
  /** What it said to the same prompts at some moments. */
  samples: { step: number; replies: { input: string; output: string }[] }[];
  /** Models of some moments that can be loaded: character/growing/step-N.onnx. */
  models: { step: number; file: string; bytes: number }[];
};

/** character/texts.json: what it was made from. */
export type Texts = {
  /** `file` as it lies in the persona's folder, "topics/food.toml". */
  exchanges: { topic: string; name: string; file: string; say: number; reply: string[] }[];
  /** Training conversations without repetitions, from the first drawing: [message, reply, index into exchanges]. */
  conversations: [string, string, number][];
};

/** character/code.json: Python functions of the package, by topic. */
export type Code = Record<string, { file: string; line: number; name: string; source: string }[]>;

/** What every view gets. */
export type ViewProps = {
  about: About;
  exchange: Exchange;
  /** The place whose next token is looked at: steps[place] gave the scores for ids[place + 1]. */
  place: number;
  choosePlace: (place: number) => void;
  tokenizer: import("./model/tokenizer").Tokenizer;
  /** Scores are the model's own (true), or a recording's, in which all but the 200 likeliest tokens are missing. */
  live: boolean;
};
