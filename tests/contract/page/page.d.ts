// What the page has beside its modules.

// Of /socket.io/socket.io.min.js.
declare const io: typeof import("socket.io-client").io;

// What the page looks for in its own document is there: the tests in a browser would not pass without it.
interface ParentNode {
  querySelector(selectors: string): any;
  querySelectorAll(selectors: string): NodeListOf<HTMLElement>;
}
interface Document {
  getElementById(id: string): any;
}
