// Runs a WASM module as a page does, and prints what came of it as JSON.
// node run.mjs wasm_exec.js module.wasm global file options.json sealed-file
import { createRequire } from "node:module";
import { open, readFile, writeFile } from "node:fs/promises";

const [exec, module, name, file, optionsFile, out] = process.argv.slice(2);
createRequire(import.meta.url)(exec);
const go = new Go();
const started = performance.now();
const { instance } = await WebAssembly.instantiate(await readFile(module), go.importObject);
go.run(instance); // serves until the process ends
const awase = globalThis[name];
const startup = performance.now() - started;

const options = JSON.parse(await readFile(optionsFile, "utf8"));
const handle = await open(file);
const { size } = await handle.stat();
let longest = 0;
const source = {
  size,
  read: async (at, length) => {
    longest = Math.max(longest, length);
    const b = new Uint8Array(length);
    const { bytesRead } = await handle.read(b, 0, length, at);
    return b.subarray(0, bytesRead);
  },
};
const refused = async (promise) => {
  try {
    await promise;
    return null;
  } catch (e) {
    return { code: e.code, sort: e.sort, message: e.message, detail: e.detail };
  }
};
const forCheck = { purpose: options.purpose, name: options.name, today: options.today, schema: options.schema };

const preview = await awase.preview(source, forCheck);
const found = await awase.find(source, forCheck, { value: "０９０-1000-0007" });
const check = await awase.check(source, forCheck);
const chunks = [];
let progress = 0;
const sealing = performance.now();
const sealed = await awase.seal(source, options, {
  write: async (chunk) => { await null; chunks.push(chunk); },
  progress: (rows) => { progress = rows; throw new Error("a page that can't draw"); },
});
const seconds = (performance.now() - sealing) / 1000;
await writeFile(out, Buffer.concat(chunks));

const aborted = new AbortController();
aborted.abort();
console.log(JSON.stringify({
  preview, found, check, sealed, progress, longest, startup, seconds,
  forms: await awase.normalise("phone", "０９０-1234-5678"),
  faults: {
    key: await refused(awase.seal(source, { ...options, key: "awase-seal-x25519-AAAA" }, { write() {} })),
    options: await refused(awase.check(source, { ...options, colour: "red" })),
    source: await refused(awase.check({ size: 3 }, forCheck)),
    preview: await refused(awase.preview({ size, read: async () => { throw new Error("CANARY"); } }, forCheck)),
    short: await refused(awase.check({ size: size + 1, read: source.read }, forCheck)),
    read: await refused(awase.check({ size, read: async () => { throw new Error("CANARY"); } }, forCheck)),
    write: await refused(awase.seal(source, options, { write() { throw new Error("CANARY"); } })),
    aborted: await refused(awase.check(source, forCheck, { signal: aborted.signal })),
    purpose: await refused(awase.check(source, { ...forCheck, purpose: "guess" })),
    kind: await refused(awase.normalise("shoe", "42")),
  },
}));
process.exit(0);
