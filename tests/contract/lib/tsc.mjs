// TypeScript's compiler, as it is pinned here.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("..", import.meta.url));
const compiler = fileURLToPath(new URL("../node_modules/typescript/bin/tsc", import.meta.url));

// What it complains of: nothing, where all is well.
export function tsc(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, ...args], { cwd: here, encoding: "utf8" });
  const complaints = stdout + stderr;
  return complaints || status === 0 ? complaints : `it ended with ${status}`;
}
