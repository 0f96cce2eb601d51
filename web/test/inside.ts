/** The page's own modules, for the browser tests to call: they import this file from the page's folder. */
export { encodePrompt, forbidden, replyText } from "../src/model/chat";
export { PlainEngine } from "../src/model/engine";
export { readModel } from "../src/model/onnx_file";
export { Random } from "../src/model/random";
export { draw, stages } from "../src/model/sample";
export { Tokenizer } from "../src/model/tokenizer";
export { WasmEngine } from "../src/model/wasm";
export { DEFAULTS } from "../src/store";
