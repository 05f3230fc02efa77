// What goes over the wire of a client, held to the schemas of an AsyncAPI document.
import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";

const [EVENT, ACK] = ["2", "3"];

// A payload is the only argument, a list of several, and `null` where there is none.
const payload = (args) => (args.length > 1 ? args : (args[0] ?? null));

export class Wire {
  // What was not as the document says.
  faults = [];
  #ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
  #document;
  // By direction, namespace and event: its operation, and how often each of its messages was seen.
  #operations = new Map();
  #seen = new Map();

  constructor(document) {
    this.#document = structuredClone(document);
    // Integers that JavaScript can tell from each other.
    this.#ajv.addFormat("int64", { type: "number", validate: Number.isSafeInteger });
    // A field that the definitions do not name is one that nobody knows of.
    for (const schema of Object.values(this.#document.components.schemas)) {
      if (schema.properties) schema.additionalProperties ??= false;
    }
    // The document is no schema: it only contains some.
    this.#ajv.addVocabulary(Object.keys(this.#document));
    this.#ajv.addSchema(this.#document, "document");
    for (const { action, channel, messages, reply } of Object.values(this.#document.operations)) {
      const { address } = this.#at(channel.$ref);
      const pointer = messages[0].$ref;
      const said = { message: pointer, reply: reply?.messages[0].$ref };
      this.#operations.set(`${action} ${address} ${this.#at(pointer).name}`, said);
      for (const each of [said.message, said.reply]) if (each) this.#seen.set(each, 0);
    }
  }

  // The messages that have not been seen.
  get unseen() {
    return [...this.#seen].filter(([, times]) => times === 0).map(([pointer]) => pointer).toSorted();
  }

  // Both ways, from before the socket is connected.
  watch(socket) {
    const { engine } = socket.io;
    // What is to be acknowledged, by namespace and number: what was asked by the client, and by the server.
    const [asked, told] = [new Map(), new Map()];
    engine.on("packetCreate", (packet) => this.#packet("receive", packet, asked, told));
    engine.on("packet", (packet) => this.#packet("send", packet, told, asked));
  }

  // `action` is the server's; events that ask for an acknowledgement go to `open`, and those of the other way are `due`.
  #packet(action, { type, data }, open, due) {
    if (type !== "message") return;
    if (typeof data !== "string") return this.#fault(`${action} bytes, of which the document says nothing`);
    const [, kind, namespace = "/", id, text] = /^(\d)(?:(\/[^,]*),)?(\d*)(.*)$/s.exec(data);
    if (kind === EVENT) {
      const [event, ...args] = JSON.parse(text);
      const what = `${action} ${namespace} ${event}`;
      const operation = this.#operations.get(what);
      if (!operation) return this.#fault(`${what} is in no operation`);
      const invalid = this.#invalid(operation.message, args);
      // Clients may send what is invalid, and must be refused.
      if (invalid && action === "send") this.#fault(`${what}: ${invalid}`);
      if (action === "send" && Boolean(id) !== Boolean(operation.reply)) this.#fault(`${what}: who asks for an acknowledgement?`);
      if (id) open.set(namespace + id, { what, operation, invalid });
    } else if (kind === ACK) {
      const { what, operation, invalid } = due.get(namespace + id) ?? assert.fail(`nobody asked: ${data}`);
      const args = JSON.parse(text);
      const wrong = operation.reply && this.#invalid(operation.reply, args);
      if (wrong) this.#fault(`the reply to ${what}: ${wrong}`);
      if (invalid && !args[0]?.code) this.#fault(`${what} was taken, and is invalid: ${invalid}`);
    }
  }

  #invalid(pointer, args) {
    this.#seen.set(pointer, this.#seen.get(pointer) + 1);
    const validate = this.#ajv.getSchema(`document${pointer}/payload`);
    const value = payload(args);
    return validate(value) ? undefined : `${JSON.stringify(value)} is no ${pointer}: ${this.#ajv.errorsText(validate.errors)}`;
  }

  #at(pointer) {
    const names = pointer.split("/").slice(1);
    return names.reduce((value, name) => value[name.replaceAll("~1", "/").replaceAll("~0", "~")], this.#document);
  }

  #fault(text) {
    this.faults.push(text);
  }
}
