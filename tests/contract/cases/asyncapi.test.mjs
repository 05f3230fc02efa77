// What AsyncAPI's own parser says of the documents.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { Parser } from "@asyncapi/parser";
import { contracts } from "../lib/contracts.mjs";

for (const folder of contracts) {
  test(`the parser accepts ${folder}/asyncapi.json`, async () => {
    const text = await readFile(new URL(`../${folder}/asyncapi.json`, import.meta.url), "utf8");
    const { document, diagnostics } = await new Parser().parse(text);
    const said = diagnostics.filter(({ severity }) => severity <= 1);
    assert.deepEqual(said.map(({ severity, code, message, path }) => [severity, code, message, path.join(".")]), []);
    assert.ok(document, "there is a document");
    assert.ok(document.operations().all().length > 0, "it has operations");
    const replies = document.operations().all().filter((operation) => operation.reply());
    assert.ok(replies.length > 0, "some are acknowledged");
  });
}
