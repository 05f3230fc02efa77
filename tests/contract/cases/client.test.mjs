// A client that was written against the demo's definitions talks to the demo, and both keep to the contract.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { device, SECRET, serveDemo } from "../../wire/lib/demo.mjs";
import { token } from "../../wire/lib/token.mjs";
import { eventually, within } from "../../wire/lib/wait.mjs";
import { tsc } from "../lib/tsc.mjs";
import { Wire } from "../lib/wire.mjs";

const server = serveDemo("--presence-grace", "100ms");
const document = await readFile(new URL("../../../demo-app/contract/asyncapi.json", import.meta.url), "utf8");
const wire = new Wire(JSON.parse(document));
const ROOM = "lobby";

let place;
let program;
before(async () => {
  place = await mkdtemp(join(tmpdir(), "contract-client-"));
  await symlink(fileURLToPath(new URL("../node_modules", import.meta.url)), join(place, "node_modules"));
  assert.equal(tsc("-p", "client", "--outDir", place), "");
  program = await import(pathToFileURL(join(place, "client.mjs")));
});
after(() => rm(place, { recursive: true, force: true }));

async function client(t, user, claims) {
  const watch = (socket) => wire.watch(socket);
  const made = new program.Client({ url: server.url, token: token(user, SECRET, claims), watch });
  t.after(() => made.close());
  await within(made.connected(), `user ${user} to connect`);
  return made;
}

// The error that a request is refused with.
async function refusal(request) {
  const error = await request.then(() => assert.fail("it was taken"), (error) => error);
  assert.ok(error instanceof program.Refused, `${error}`);
  return error;
}

test("two users talk in a room, and know of each other", async (t) => {
  const [ada, bob] = [await client(t, 1), await client(t, 2)];
  await eventually(() => ada.heard.online, (users) => users.includes(2), "the other user to come");
  assert.deepEqual(await ada.online(), [1, 2]);

  assert.equal(await ada.join(ROOM), true);
  assert.equal(await bob.join(ROOM), true);
  const first = await ada.say({ roomId: ROOM, content: "hello" });
  assert.deepEqual([first.content, first.senderId], ["hello", 1]);
  const second = await bob.say({ roomId: ROOM, content: "你好", clientId: "mine" });
  assert.deepEqual(await bob.history({ roomId: ROOM }), [first, second]);
  assert.deepEqual(await ada.history({ roomId: ROOM, after: first.id, limit: 10 }), [second]);
  assert.equal(await bob.leave(ROOM), true);
  await eventually(() => ada.heard.left.length, Boolean, "the other user to leave");
  assert.deepEqual(ada.heard.messages, [first, second]);
  assert.deepEqual(ada.heard.joined, [{ userId: 2, roomId: ROOM }]);
  assert.deepEqual(ada.heard.left, [{ userId: 2, roomId: ROOM }]);

  bob.close();
  await eventually(() => ada.heard.offline, (users) => users.includes(2), "the other user to go");
  assert.deepEqual(ada.heard.errors, []);
});

test("an order's update is acknowledged, and does not come again", async (t) => {
  const ada = await client(t, 11);
  const id = await ada.order();
  await eventually(() => ada.heard.orders.length, Boolean, "the update");
  assert.deepEqual(ada.heard.orders.map(({ orderId, status }) => [orderId, status]), [[id, "confirmed"]]);
  // Whether another device is told of it before it is told of an order that is made now.
  const toldAgain = async () => {
    const heard = [];
    const prepare = (socket) => socket.on("order-update", ({ orderId }) => heard.push(orderId));
    const other = await device(t, server.url, 11, { prepare });
    const newest = await ada.order();
    await eventually(() => heard, (ids) => ids.includes(newest), "the newest update");
    other.disconnect();
    return heard.includes(id);
  };
  await eventually(toldAgain, (again) => !again, "the update to be settled");
});

test("a refusal is told from an answer", async (t) => {
  const ada = await client(t, 21);
  const stranger = await refusal(ada.say({ roomId: "elsewhere", content: "hello" }));
  assert.equal(stranger.error.code, "NOT_A_MEMBER");
  await ada.join("here");
  assert.equal((await refusal(ada.say({ roomId: "here" }))).error.code, "EMPTY_MESSAGE");
  const long = await refusal(ada.join("x".repeat(65)));
  assert.equal(long.error.code, "VALIDATION");
  assert.deepEqual(long.fields, ["roomId"]);
  assert.equal((await ada.say({ roomId: "here", content: "hello" })).content, "hello");
  const codes = ada.heard.errors.map(([namespace, { code }]) => [namespace, code]);
  assert.deepEqual(codes, ["NOT_A_MEMBER", "EMPTY_MESSAGE", "VALIDATION"].map((code) => ["/chat", code]));
});

test("a session that ends says why, in both namespaces", async (t) => {
  const ada = await client(t, 31, { exp: Math.floor(Date.now() / 1000) + 5 });
  await within(ada.ended(), "the end of the session");
  const codes = ada.heard.errors.map(([namespace, { code }]) => `${namespace} ${code}`);
  assert.deepEqual(codes.toSorted(), ["/chat TOKEN_EXPIRED", "/presence TOKEN_EXPIRED"]);
});

test("a session that is renewed goes on", async (t) => {
  const exp = Math.floor(Date.now() / 1000) + 3;
  const ada = await client(t, 41, { exp });
  await ada.renew(token(41, SECRET));
  await new Promise((resolve) => setTimeout(resolve, (exp + 1) * 1_000 - Date.now()));
  assert.equal(await ada.join(ROOM), true);
  assert.deepEqual(ada.heard.errors, []);
});

test("whatever went over the wire is what the contract says, and nearly all of it went", () => {
  assert.deepEqual(wire.faults, []);
  // The demo's filter answers every error with `error` instead.
  const standard = ["Chat", "Presence"].map((channel) => `#/channels/${channel}/messages/exception`);
  assert.deepEqual(wire.unseen, standard);
});
