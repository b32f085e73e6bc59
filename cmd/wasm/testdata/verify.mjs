// Gives cases to the module that verifies, as a page does, and prints what it says.
// node verify.mjs wasm_exec.js module.wasm cases.json
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";

const [exec, module, casesFile] = process.argv.slice(2);
createRequire(import.meta.url)(exec);
const go = new Go();
const started = performance.now();
const { instance } = await WebAssembly.instantiate(await readFile(module), go.importObject);
go.run(instance); // serves until the process ends
const startup = performance.now() - started;

const refused = async (promise) => {
  try {
    await promise;
    return "";
  } catch (e) {
    return e.message;
  }
};
const answers = {};
for (const [name, c] of Object.entries(JSON.parse(await readFile(casesFile, "utf8")))) {
  answers[name] = await awaseVerify.report(new Uint8Array(Buffer.from(c.file, "base64")), c.options);
}
const none = new Uint8Array();
console.log(JSON.stringify({
  startup, answers,
  bare: await awaseVerify.report(none),
  faults: {
    file: await refused(awaseVerify.report("a text")),
    key: await refused(awaseVerify.report(none, { key: "no key" })),
    options: await refused(awaseVerify.report(none, { growth: "none" })),
  },
}));
process.exit(0);
