// Models for other languages, by quicktype, from the schemas of the AsyncAPI document.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { contracts } from "../lib/contracts.mjs";

const quicktype = fileURLToPath(new URL("../node_modules/quicktype/dist/index.js", import.meta.url));
// How each declares a type. A name that the language has already, as Dart has `File`, gets a colour before it.
const languages = {
  swift: (name) => new RegExp(`^(?:struct|class) \\w*${name}\\b`, "mi"),
  kotlin: (name) => new RegExp(`^data class \\w*${name}\\b`, "mi"),
  dart: (name) => new RegExp(`^class \\w*${name}\\b`, "mi"),
  python: (name) => new RegExp(`^class \\w*${name}\\b`, "mi"),
};

for (const folder of contracts) {
  for (const [language, declares] of Object.entries(languages)) {
    test(`quicktype makes models for ${language} from ${folder}/asyncapi.json`, async (t) => {
      const work = await mkdtemp(join(tmpdir(), "contract-"));
      t.after(() => rm(work, { recursive: true }));
      const document = JSON.parse(await readFile(new URL(`../${folder}/asyncapi.json`, import.meta.url), "utf8"));
      const { schemas } = document.components;
      // For Python, quicktype follows a union that holds itself for ever.
      if (language === "python") delete schemas.Untagged;
      const source = join(work, "asyncapi.json");
      await writeFile(source, JSON.stringify({ components: { schemas } }));
      const args = [quicktype, "--src-lang", "schema", "--lang", language, `${source}#/components/schemas/`];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      const records = Object.keys(schemas).filter((name) => schemas[name].properties && !schemas[name].oneOf);
      assert.ok(records.length > 1, "there are records");
      for (const name of records) assert.match(stdout, declares(name.replaceAll(/[._]/g, "")));
    });
  }
}
