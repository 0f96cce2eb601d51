/** The quick engine: ONNX Runtime, compiled to WebAssembly, on one thread. */
import * as ort from "onnxruntime-web/wasm";
import type { Shape } from "../types";
import type { Engine, Inside, Reader } from "./engine";

const INSIDES = ["attention", "stream", "lens"] as const;

/** The smallest model there is, y = x, as an ONNX file. */
const SMALLEST = Uint8Array.from(atob("CAsSADo7ChAKAXgSAXkiCElkZW50aXR5EgV5ID0geFoPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEBc="), (character) => character.charCodeAt(0)); // prettier-ignore

export class WasmEngine implements Engine {
  readonly kind = "wasm";
  readonly atOnce = 16;

  private constructor(
    private readonly session: ort.InferenceSession,
    readonly shape: Shape,
  ) {}

  private static prepared?: Promise<unknown>;

  /** Compiles ONNX Runtime, which takes half a second; so it can be done before the model is there. Raises what the
   * browser says where WebAssembly is missing or forbidden. */
  static prepare(wasm: string): Promise<unknown> {
    ort.env.wasm.numThreads = 1; // more would need headers that plain web servers do not send
    ort.env.wasm.wasmPaths = { wasm };
    ort.env.logLevel = "fatal"; // what goes wrong is said by the exception
    return (this.prepared ??= ort.InferenceSession.create(SMALLEST, { executionProviders: ["wasm"] }));
  }

  static async start(file: Uint8Array, shape: Shape, wasm: string): Promise<WasmEngine> {
    await this.prepare(wasm);
    // weights in 8 bits are worked out at the start: products of blocks of whole numbers are slow here
    const extra = { session: { disable_quant_qdq: "1" } };
    const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"], extra });
    return new WasmEngine(session, shape);
  }

  release(): Promise<void> {
    return this.session.release();
  }

  reader(): Reader {
    const { heads, width, vocabulary } = this.shape;
    const inputs = this.session.inputNames.filter((name) => name.startsWith("past_key_values."));
    const nothing = () => new ort.Tensor("float32", new Float32Array(), [1, heads, 0, width / heads]);
    let memory: Record<string, ort.Tensor> = Object.fromEntries(inputs.map((name) => [name, nothing()]));
    const look = new ort.Tensor("bool", [true], []);
    let total = 0;
    return {
      read: async (tokens) => {
        const ids = new ort.Tensor("int64", BigInt64Array.from(tokens, BigInt), [1, tokens.length]);
        const found = await this.session.run({ ...memory, input_ids: ids, look });
        memory = Object.fromEntries(inputs.map((name) => [name, found[name.replace("past_key_values", "present")]]));
        const [attention, stream, lens] = INSIDES.map((name) => found[name].data as Float32Array);
        const before = total;
        total += tokens.length;
        return tokens.map((_, i): Inside => {
          const of = (numbers: Float32Array, length: number, kept = length) => pick(numbers, tokens.length, i, length, kept);
          const depths = of(lens, vocabulary);
          return {
            logits: depths.slice(-vocabulary),
            attention: of(attention, total, before + i + 1), // it sees no later place
            stream: of(stream, width),
            lens: depths,
          };
        });
      },
    };
  }
}

/** Of numbers (outer, all, length) those at place `at` of `all`, each row cut to its first few: (outer, kept). */
function pick(numbers: Float32Array, all: number, at: number, length: number, kept: number): Float32Array {
  const outer = numbers.length / all / length;
  const picked = new Float32Array(outer * kept);
  for (let row = 0; row < outer; row++) {
    const from = (row * all + at) * length;
    picked.set(numbers.subarray(from, from + kept), row * kept);
  }
  return picked;
}
