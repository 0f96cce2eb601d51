/** The quick engine: ONNX Runtime, compiled to WebAssembly, on one thread. */
import * as ort from "onnxruntime-web/wasm";
import type { Shape } from "../types";
import type { Engine, Reader } from "./engine";

const INSIDES = ["logits", "attention", "stream", "lens"] as const;

export class WasmEngine implements Engine {
  readonly kind = "wasm";

  private constructor(
    private readonly session: ort.InferenceSession,
    readonly shape: Shape,
  ) {}

  /** Raises what the browser says where WebAssembly is missing or forbidden. */
  static async start(file: Uint8Array, shape: Shape, wasm: string): Promise<WasmEngine> {
    ort.env.wasm.numThreads = 1; // more would need headers that plain web servers do not send
    ort.env.wasm.wasmPaths = { wasm };
    ort.env.logLevel = "fatal"; // what goes wrong is said by the exception
    // weights in 8 bits are worked out at the start: products of blocks of whole numbers are slow here
    const extra = { session: { disable_quant_qdq: "1" } };
    const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"], extra });
    return new WasmEngine(session, shape);
  }

  reader(): Reader {
    const { heads, width } = this.shape;
    const inputs = this.session.inputNames.filter((name) => name.startsWith("past_key_values."));
    const nothing = () => new ort.Tensor("float32", new Float32Array(), [1, heads, 0, width / heads]);
    let memory: Record<string, ort.Tensor> = Object.fromEntries(inputs.map((name) => [name, nothing()]));
    const look = new ort.Tensor("bool", [true], []);
    return {
      read: async (token) => {
        const ids = new ort.Tensor("int64", [BigInt(token)], [1, 1]);
        const found = await this.session.run({ ...memory, input_ids: ids, look });
        memory = Object.fromEntries(inputs.map((name) => [name, found[name.replace("past_key_values", "present")]]));
        const [logits, attention, stream, lens] = INSIDES.map((name) => found[name].data as Float32Array);
        return { logits, attention, stream, lens };
      },
    };
  }
}
