// The script of a report page, run without a browser: what it draws and says, as JSON.
//
// usage: node report_page.js PAGE [SELECT=VALUE]..
//
// Elements are bare objects that keep their attributes, texts and children. Selects get their values before anything is
// drawn again.
"use strict";
const fs = require("fs");

class Element {
  constructor(tag) { Object.assign(this, {tag, attributes: {}, children: [], style: {}, listeners: {}, value: "", hidden: false}); }
  setAttribute(key, value) { this.attributes[key] = String(value); }
  append(...nodes) { this.children.push(...nodes); }
  appendChild(child) { this.children.push(child); return child; }
  replaceChildren(...nodes) { this.children = nodes; }
  addEventListener(kind, listener) { this.listeners[kind] = listener; }
  get value() { return this._value; }
  set value(value) { this._value = value; }
}
const elements = new Map();
const byId = id => elements.get(id) || elements.set(id, new Element(id)).get(id);
global.window = {innerWidth: 1000};
global.document = {getElementById: byId, createElement: tag => new Element(tag), createElementNS: (_, tag) => new Element(tag)};
global.Option = class extends Element {
  constructor(text, value) { super("option"); Object.assign(this, {textContent: text, value}); }
};
// A select without a choice has its first option, as in browsers.
Element.prototype.replaceChildren = function (...nodes) {
  this.children = nodes;
  if (nodes.length && nodes[0].tag === "option") this.value = nodes[0].value;
};

const page = fs.readFileSync(process.argv[2], "utf8");
const script = /<script>([\s\S]*)<\/script>/.exec(page)[1];
new Function(script)();
for (const choice of process.argv.slice(3)) {
  const [id, value] = choice.split("=");
  byId(id).value = value;
  byId(id).listeners.change();
}
const drawn = id => byId(id).children[0].children;
console.log(JSON.stringify({
  about: byId("about").textContent,
  scatter_note: byId("scatter-note").textContent,
  heat_note: byId("heat-note").textContent,
  front: drawn("scatter").filter(e => e.tag === "path" && "stroke-dasharray" in e.attributes).map(e => e.attributes.d),
  hollow: drawn("scatter").filter(e => e.tag === "circle" && e.attributes.fill === "#fff").length,
  points: drawn("scatter").filter(e => e.tag === "circle").length,
  cells: drawn("heat").filter(e => e.tag === "text" && "style" in e.attributes).map(e => e.textContent),
  headings: byId("table").children[0].children.map(e => e.textContent),
}));
