// What TypeScript says of the definitions: good.ts and demo-good.ts must compile, and no line that bad.ts and
// demo-bad.ts mark may.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { contracts } from "../lib/contracts.mjs";
import { tsc } from "../lib/tsc.mjs";

const read = (path) => readFile(new URL(`../${path}`, import.meta.url), "utf8");
const uses = { fixture: ["good.ts", "bad.ts"], "../../demo-app/contract": ["demo-good.ts", "demo-bad.ts"] };

test("TypeScript takes what clients may do, and refuses what they may not", () => {
  assert.equal(tsc("-p", "typescript"), "");
});

for (const folder of contracts) {
  const [good, bad] = uses[folder];

  test(`every event of ${folder} is used`, async () => {
    const text = await read(`typescript/${good}`);
    const { namespaces } = JSON.parse(await read(`${folder}/lock.json`));
    for (const [path, { clientToServer, serverToClient }] of Object.entries(namespaces)) {
      const [, socket] = text.match(new RegExp(`const (\\w+) = .*\\("${path}"`)) ?? assert.fail(`no socket of ${path}`);
      const used = (verb, event) => {
        const quoted = `(["'])${event.replaceAll(/\W/g, "\\$&")}\\1`;
        return new RegExp(`\\b${socket}(?:\\.timeout\\([\\w.]+\\))?\\.(?:${verb})\\(${quoted}`).test(text);
      };
      for (const event of Object.keys(clientToServer)) assert.ok(used("emit|emitWithAck", event), `${path} ${event} is sent`);
      for (const event of Object.keys(serverToClient)) assert.ok(used("on|once", event), `${path} ${event} is heard`);
    }
  });

  test(`enough is wrong with what uses ${folder}`, async () => {
    const marks = (await read(`typescript/${bad}`)).split("@ts-expect-error").length - 1;
    assert.ok(marks >= 8, `${marks} wrong uses`);
  });
}
