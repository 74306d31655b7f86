"use strict";
// The card of a recall. It speaks JSON-RPC with the host that shows it (MCP Apps), and with nobody else: every change is
// a call of a tool, which the host passes on with the person's own rights.
const host = window.parent;
const waiting = new Map();
const list = document.getElementById("memories");
const state = document.getElementById("state");
let nextId = 1;
let question = "";
let canCall = false;

function send(message) {
  host.postMessage({ jsonrpc: "2.0", ...message }, "*");
}

function ask(method, params) {
  const id = nextId++;
  send({ id, method, params });
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

// Texts come from memories: each becomes the text of an element, and never HTML.
function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function makeButton(label, about, onClick, className) {
  const button = make("button", className, label);
  button.type = "button";
  button.setAttribute("aria-label", `${label}: ${about}`);
  button.addEventListener("click", onClick);
  return button;
}

function asPercent(share) {
  return `${Math.min(100, Math.round(100 * share))} %`; // a score may be a little more than 1
}

function applyContext(context) {
  const root = document.documentElement;
  if (context.theme === "light" || context.theme === "dark") root.style.colorScheme = context.theme;
  for (const [name, value] of Object.entries(context.styles?.variables ?? {})) {
    if (/^--[a-z0-9-]+$/.test(name) && typeof value === "string") root.style.setProperty(name, value);
  }
}

async function callTool(name, args) {
  const result = await ask("tools/call", { name, arguments: args });
  if (result.isError) throw new Error(result.content?.[0]?.text ?? "It was refused.");
  return result.structuredContent ?? {};
}

// The model has read the recall. What the person changes here, it learns for its next turn.
function tellModel(text) {
  ask("ui/update-model-context", { content: [{ type: "text", text }] }).catch(() => {});
}

// Each change: the tool, the one that undoes it, its words, and what the model is told.
const CHANGES = [
  { tool: "pin_memory", back: "unpin_memory", label: "Pin", done: "Pinned.", undo: "Unpin", told: "pinned" },
  { tool: "bury_memory", back: "unbury_memory", label: "Bury", done: "Buried: no recall brings it.", undo: "Dig out",
    told: "buried, so do not use it" },
  { tool: "delete_memory", back: "restore_memory", label: "Forget", done: "Forgotten.", undo: "Bring it back",
    told: "forgotten, so do not use it", isDanger: true },
];

class Row {
  constructor(memory, workspace, actions) {
    this.memory = memory;
    this.actions = actions;
    this.where = { id: memory.id, workspace: memory.workspace ?? workspace };
    this.about = memory.content.slice(0, 60);
    this.item = make("li");
    this.buttons = make("div", "actions");
    this.note = make("p", "muted");
    this.note.setAttribute("role", "status");
  }

  show() {
    const { memory, item } = this;
    item.append(make("p", "text", memory.content));
    const day = (memory.occurred_at ?? memory.created_at ?? "").slice(0, 10);
    item.append(make("p", "muted", [day, memory.type, memory.project, memory.author].filter(Boolean).join(" · ")));
    if (memory.score) {
      const shares = `words ${asPercent(memory.keyword_score)}, meaning ${asPercent(memory.vector_score)}`;
      item.append(make("p", "muted", `Why: it fits by ${asPercent(memory.score)} (${shares}).`));
    }
    if (memory.may_be_replaced_by) item.append(make("p", "warning", "A newer memory says something else."));
    for (const entry of memory.skipped_by ?? []) {
      item.append(make("p", "warning", `The skip list speaks against it: ${entry.item}. ${entry.reason}`));
    }
    item.append(this.buttons, this.note);
    this.showActions();
    list.append(item);
  }

  showActions() {
    if (!canCall) return;
    const offered = CHANGES.filter((change) => this.actions.includes(change.tool));
    const buttons = offered.map((change) => {
      if (change.tool === "pin_memory" && this.memory.pinned_at) {
        return makeButton(change.undo, this.about, () => this.takeBack(change));
      }
      const onClick = () => (change.isDanger ? this.confirm(change) : this.change(change));
      return makeButton(change.label, this.about, onClick, change.isDanger ? "danger" : "");
    });
    if (question && this.actions.includes("explain_recall")) {
      buttons.unshift(makeButton("More about why", this.about, () => this.explain()));
    }
    this.buttons.replaceChildren(...buttons);
  }

  confirm(change) {
    const sure = makeButton("Yes, forget it", this.about, () => this.change(change), "danger");
    this.buttons.replaceChildren(sure, makeButton("Keep it", this.about, () => this.showActions()));
    sure.focus();
  }

  async change(change) {
    if (!(await this.call(change.tool, this.where))) return;
    this.note.textContent = change.done;
    this.item.classList.toggle("gone", change.tool !== "pin_memory");
    tellModel(`The memory ${this.memory.id} was ${change.told}.`);
    const back = makeButton(change.undo, this.about, () => this.takeBack(change));
    this.buttons.replaceChildren(...(this.actions.includes(change.back) ? [back] : []));
  }

  async takeBack(change) {
    if (!(await this.call(change.back, this.where))) return;
    this.note.textContent = "";
    if (change.tool === "pin_memory") this.memory.pinned_at = undefined;
    this.item.classList.remove("gone");
    tellModel(`The memory ${this.memory.id} is as it was before.`);
    this.showActions();
  }

  async explain() {
    const found = await this.call("explain_recall", {
      message: question, memory_id: this.where.id, workspace: this.where.workspace,
    });
    if (found) this.note.textContent = found.message;
  }

  // Returns the answer of a tool; nothing if it was refused, which the row then says.
  async call(tool, args) {
    const buttons = [...this.buttons.children];
    for (const button of buttons) button.disabled = true;
    try {
      return await callTool(tool, args);
    } catch (error) {
      this.note.textContent = error.message;
      return undefined;
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }
}

function showResult(result) {
  const found = result.structuredContent;
  list.replaceChildren();
  if (result.isError || !found) {
    state.textContent = result.content?.[0]?.text ?? "There is no answer.";
    return;
  }
  const memories = Array.isArray(found.memories) ? found.memories : found.memories?.matches ?? [];
  const workspace = found.meta?.workspace;
  state.textContent = memories.length
    ? `${memories.length} recalled from ${workspace}.`
    : found.meta?.notice ?? "Nothing that fits is remembered.";
  for (const memory of memories) new Row(memory, workspace, result._meta?.["loci/actions"] ?? []).show();
}

const HEARD = {
  "ui/notifications/tool-input": (params) => { question = params.arguments?.message ?? params.arguments?.query ?? ""; },
  "ui/notifications/tool-result": showResult,
  "ui/notifications/tool-cancelled": () => { state.textContent = "The recall was stopped."; },
  "ui/notifications/host-context-changed": applyContext,
};

function answer(message) {
  if (message.id === undefined) return;
  const isKnown = message.method === "ping" || message.method === "ui/resource-teardown";
  const refusal = { error: { code: -32601, message: "Method not found" } };
  send({ id: message.id, ...(isKnown ? { result: {} } : refusal) });
}

window.addEventListener("message", (event) => {
  const message = event.data;
  if (event.source !== host || message?.jsonrpc !== "2.0") return;
  if (message.method !== undefined) {
    if (message.method in HEARD) HEARD[message.method](message.params ?? {});
    else answer(message);
    return;
  }
  const asked = waiting.get(message.id);
  waiting.delete(message.id);
  if (message.error) asked?.reject(new Error(message.error.message ?? "It was refused."));
  else asked?.resolve(message.result ?? {});
});

async function start() {
  const met = await ask("ui/initialize", {
    protocolVersion: "2026-01-26",
    appInfo: { name: "Loci", version: "1" },
    appCapabilities: { availableDisplayModes: ["inline"] },
  });
  applyContext(met.hostContext ?? {});
  canCall = met.hostCapabilities?.serverTools !== undefined;
  send({ method: "ui/notifications/initialized", params: {} });
  new ResizeObserver(() => {
    const { width, height } = document.documentElement.getBoundingClientRect();
    send({ method: "ui/notifications/size-changed", params: { width: Math.ceil(width), height: Math.ceil(height) } });
  }).observe(document.documentElement);
}

start().catch(() => { state.textContent = "This program cannot show the card."; });
