/** The weights in a model.onnx, read without a library: an ONNX file is a Protocol Buffers message.
 *
 * A message is a list of fields; each begins with a number that holds its key and its kind (0: a whole number, 1 and 5:
 * eight or four bytes, 2: a length and so many bytes). Of the hundred fields of ONNX (onnx.proto), nine matter here.
 */
import type { Shape } from "../types";

const MODEL = { graph: 7, metadata: 14 };
const GRAPH = { weight: 5 };
const TENSOR = { dims: 1, kind: 2, name: 8, raw: 9 };
const ENTRY = { key: 1, value: 2 };
const FLOAT = 1;
const INT8 = 3;

export type Weight<Values = Float32Array | Int8Array> = { dims: number[]; values: Values };

export type ModelFile = { weights: Map<string, Weight>; about: { shape: Shape & { epsilon: number } } };

type Bytes = Uint8Array<ArrayBuffer>;
type Field = { key: number; value: number; bytes: Bytes };
const NOTHING: Bytes = new Uint8Array();

function* fields(message: Bytes): Generator<Field> {
  let at = 0;
  function number(): number {
    let value = 0;
    for (let power = 1; ; power *= 128) {
      if (at >= message.length) throw new Error("the model's file ends too early");
      const byte = message[at++];
      value += (byte & 127) * power;
      if (byte < 128) return value;
    }
  }
  while (at < message.length) {
    const tag = number();
    const [key, kind] = [Math.floor(tag / 8), tag % 8];
    if (kind === 0) yield { key, value: number(), bytes: NOTHING };
    else {
      const length = kind === 2 ? number() : kind === 1 ? 8 : 4;
      if (at + length > message.length) throw new Error("the model's file ends too early");
      yield { key, value: 0, bytes: message.subarray(at, at + length) };
      at += length;
    }
  }
}

const text = (bytes: Bytes): string => new TextDecoder().decode(bytes);

export function readModel(file: Bytes): ModelFile {
  const weights = new Map<string, Weight>();
  let about: ModelFile["about"] | undefined;
  for (const part of fields(file)) {
    if (part.key === MODEL.metadata) about = readEntry(part.bytes) ?? about;
    if (part.key !== MODEL.graph) continue;
    for (const inner of fields(part.bytes)) if (inner.key === GRAPH.weight) addWeight(weights, inner.bytes);
  }
  if (!about?.shape) throw new Error("the model's file does not say what shape the model has; export it again");
  return { weights, about };
}

function readEntry(message: Bytes): ModelFile["about"] | undefined {
  const found = new Map([...fields(message)].map(({ key, bytes }) => [key, text(bytes)]));
  return found.get(ENTRY.key) === "guppylm" ? JSON.parse(found.get(ENTRY.value) ?? "{}") : undefined;
}

function addWeight(weights: Map<string, Weight>, message: Bytes): void {
  const dims: number[] = [];
  let [name, kind, raw] = ["", 0, NOTHING];
  for (const { key, value, bytes } of fields(message)) {
    if (key === TENSOR.dims) dims.push(...(bytes.length ? packed(bytes) : [value]));
    if (key === TENSOR.kind) kind = value;
    if (key === TENSOR.name) name = text(bytes);
    if (key === TENSOR.raw) raw = bytes;
  }
  if (kind === INT8) weights.set(name, { dims, values: new Int8Array(raw.buffer, raw.byteOffset, raw.length) });
  if (kind === FLOAT) weights.set(name, { dims, values: new Float32Array(raw.slice().buffer) }); // a copy, since it must be aligned
}

/** Whole numbers in a row, without keys. */
function packed(bytes: Bytes): number[] {
  const numbers: number[] = [];
  let [value, power] = [0, 1];
  for (const byte of bytes) {
    value += (byte & 127) * power;
    power *= 128;
    if (byte < 128) {
      numbers.push(value);
      [value, power] = [0, 1];
    }
  }
  return numbers;
}
