// What TypeScript says of JavaScript that names the definitions in comments: the demo's page, and the demo's tests.
import assert from "node:assert/strict";
import test from "node:test";
import { tsc } from "../lib/tsc.mjs";

test("the demo's page keeps to the contract", () => {
  assert.equal(tsc("-p", "page"), "");
});

test("the demo's tests name events that there are", () => {
  assert.equal(tsc("-p", "wire"), "");
});
