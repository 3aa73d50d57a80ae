// What became of a message, each part one click away.

import { byId, bytes, get, make, telling } from "./dom.js";

const seconds = (value) => (value === null ? "…" : value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(1)} s`);
const clock = (epoch) => new Date(epoch * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" });
const verdict = (word) => ({ acknowledged: "good", SUCCEEDED: "good", archived: "good", unchanged: "good", RUNNING: "busy", waiting: "busy", "under way": "busy" })[word] ?? "bad";
const badge = (word) => make("span", { className: `badge ${verdict(word)}` }, String(word).toLowerCase());
const nothing = (words) => make("p", { className: "nothing" }, words);

export function json(value) {
  const pieces = JSON.stringify(value, null, 2).split(/("(?:[^"\\]|\\.)*"(?=:)|"(?:[^"\\]|\\.)*")/);
  return make("pre", { className: "json", tabIndex: 0 }, pieces.map((piece, index) => {
    if (!piece.startsWith('"')) return piece;
    return make("span", { className: pieces[index + 1]?.startsWith(":") ? "key" : "string" }, piece);
  }));
}

const content = (value) => (typeof value === "string" ? make("pre", { tabIndex: 0 }, value) : json(value));

function folded(title, ...inside) {
  return make("details", {}, make("summary", {}, title), ...inside);
}

function headers(them) {
  const rows = Object.entries(them).map(([name, value]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)));
  return make("table", { className: "headers" }, make("tbody", {}, rows));
}

function attempt(one, number) {
  const result = one.status ?? one.reason;
  const good = one.status >= 200 && one.status < 300;
  const line = make("summary", {}, make("span", { className: `badge ${good ? "good" : "bad"}` }, String(result)), ` ${number ? `retry ${number}` : "first try"} at ${clock(one.at)}, ${seconds(one.seconds)}`);
  return make("details", { className: "attempt" }, line, make("h4", {}, "Sent"), headers(one.sent), make("h4", {}, "Answered"), headers(one.headers), one.body ? content(one.body) : null);
}

function deliveries(found) {
  if (!found.deliveries.length) return [nothing("Nothing was sent to the app: it is not in this channel, or not subscribed.")];
  return found.deliveries.map((one) => make("section", { className: "card" },
    make("h3", {}, one.event, " ", badge(one.word)),
    make("p", { className: "id" }, one.event_id),
    one.attempts.map(attempt),
    folded("The event", json(one.body)),
  ));
}

// The bar of a state that is not left yet reaches to the end, which is now.
function measure(bar, whole) {
  const { at, seconds: took } = bar.dataset;
  bar.style.setProperty("--from", at / whole);
  bar.style.setProperty("--length", (took === "" ? whole - at : took) / whole);
}

function state(one, whole) {
  const bar = make("i", { className: one.seconds === null && one.kind !== "Fail" ? "running" : "" });
  bar.dataset.at = one.at;
  bar.dataset.seconds = one.seconds ?? (one.kind === "Fail" ? 0 : "");
  measure(bar, whole);
  const more = [one.tries > 1 && `${one.tries} tries`, one.errors.length && [...new Set(one.errors)].join(", ")].filter(Boolean).join(": ");
  return make("li", { className: `${one.errors.length ? "troubled" : ""} ${one.file ? "inner" : ""}` },
    make("span", { className: "state" }, one.name),
    make("span", { className: "took" }, one.kind === "Fail" ? "" : seconds(one.seconds)),
    make("span", { className: "lane", "aria-hidden": "true" }, bar),
    more && make("span", { className: "more" }, more));
}

// In the order of entering, but each file's states together, under its name.
function states(visits, whole) {
  const files = new Map();
  const rows = [];
  for (const one of visits) {
    if (one.item !== null && !files.has(one.item)) {
      files.set(one.item, make("ol", {}, make("li", { className: "file" }, make("bdi", {}, one.file))));
      rows.push(make("li", { className: "each" }, files.get(one.item)));
    }
    (files.get(one.item) ?? { append: (row) => rows.push(row) }).append(state(one, whole));
  }
  return make("ol", { className: "states" }, rows);
}

function parked({ queue, tries }) {
  const tried = tries === 1 ? "once" : `${tries} times`;
  const words = queue.endsWith("-dead")
    ? `It was tried ${tried} to start its execution. It is a dead letter now, in the queue`
    : `Its execution could not be started. ${tries ? `It was tried again ${tried}` : "It is tried again soon"}, and then once a minute. Until it is started, the event waits in the queue`;
  return make("section", { className: "card" }, make("h3", {}, "parked ", badge("waiting")), make("p", {}, `${words} `, make("code", {}, queue), "."));
}

function workflow(found) {
  if (!found.executions?.length && found.parked) return [parked(found.parked)];
  if (!found.executions?.length) return [nothing("No execution was started for this message. The deliveries tell why.")];
  return found.executions.map((one) => {
    const whole = Math.max(one.seconds ?? Date.now() / 1000 - one.begun, ...one.states.map((visit) => visit.at + (visit.seconds ?? 0)), 0.001);
    return make("section", { className: "card", "data-begun": one.seconds === null ? one.begun : null },
      make("h3", {}, one.input.kind ?? (one.input.run ? "history" : "execution"), " ", badge(one.status), make("span", { className: "took" }, one.seconds === null ? "" : seconds(one.seconds))),
      make("p", { className: "id" }, one.name, one.error && ` · ${one.error}`),
      states(one.states, whole),
      folded("The input", json(one.input)));
  });
}

function object(one) {
  const inside = make("div");
  const open = telling(async (event) => {
    if (!event.target.open || inside.hasChildNodes()) return;
    const { content: held, ...head } = await get("/page/object", { key: one.key });
    inside.replaceChildren(headers(head), ...(held ? [content(held)] : []));
  });
  return make("details", { className: "object", ontoggle: open }, make("summary", {}, make("bdi", { className: "key" }, one.key), make("small", {}, bytes(one.size))), inside);
}

function archive(found) {
  if (!found.objects?.length) return [nothing("The archive holds nothing of this message.")];
  return [make("p", { className: "id" }, `s3://${found.bucket}`), make("div", { className: "objects" }, found.objects.map(object))];
}

function records(found) {
  if (!found.records?.length) return [nothing("There is no record: a record exists only when the document is complete.")];
  return found.records.map((one) => make("section", { className: "card" }, make("h3", {}, make("bdi", {}, one.file.name ?? one.file.id)), make("p", { className: "tags" }, one.tags.map((tag) => make("bdi", { className: "tag" }, `#${tag}`))), json(one)));
}

function outcome(found) {
  const published = (found.executions ?? []).filter((one) => one.outcome);
  if (!published.length) return [nothing("Nothing was published yet.")];
  return published.map(({ outcome: one }) => make("section", { className: "card" },
    make("h3", {}, one.kind ?? one.type),
    make("ul", { className: "results" }, (one.files ?? []).map((file) => make("li", {}, badge(file.status), " ", make("bdi", {}, file.name ?? file.id), file.reason && make("small", {}, file.reason)))),
    json(one)));
}

const TABS = { Deliveries: deliveries, Workflow: workflow, Archive: archive, Record: records, Outcome: outcome };

export class Inspector {
  constructor() {
    this.tab = "Deliveries";
    this.subject = null;
    const tabs = Object.keys(TABS).map((name) => make("button", { role: "tab", id: `tab-${name}`, "aria-controls": "inside", onclick: () => this.choose(name) }, name));
    byId("tabs").append(...tabs);
    byId("tabs").addEventListener("keydown", (event) => this.key(event));
    this.refresh = telling(this.refresh.bind(this));
  }

  key(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(TABS);
    this.choose(names[(names.indexOf(this.tab) + step + names.length) % names.length]);
    byId(`tab-${this.tab}`).focus();
  }

  open(subject, title, tab) {
    this.subject = subject;
    this.shown = "";
    byId("panel-title").textContent = title;
    byId("tabs").hidden = false;
    byId("inside").setAttribute("role", "tabpanel");
    byId("inside").replaceChildren();
    this.choose(tab ?? this.tab);
  }

  close() {
    this.subject = null;
    clearTimeout(this.again);
  }

  choose(name) {
    this.tab = name;
    this.shown = "";
    for (const tab of byId("tabs").children) {
      tab.setAttribute("aria-selected", tab.textContent === name);
      tab.tabIndex = tab.textContent === name ? 0 : -1;
    }
    byId("inside").setAttribute("aria-labelledby", `tab-${name}`);
    this.refresh();
  }

  // What had the focus is gone, but the place of it is not.
  put(elements) {
    const had = byId("inside").contains(document.activeElement);
    byId("inside").replaceChildren(...elements);
    if (had) byId("inside").focus({ preventScroll: true });
  }

  // Again by itself while something is under way; what did not change is left alone, so that what was opened stays so.
  async refresh() {
    clearTimeout(this.again);
    const subject = this.subject;
    if (!subject) return;
    const found = await get("/page/inspect", subject);
    if (this.subject !== subject) return;
    const text = this.tab + JSON.stringify(found);
    if (text !== this.shown) this.put(TABS[this.tab](found));
    this.shown = text;
    for (const card of byId("inside").querySelectorAll("[data-begun]")) {
      for (const bar of card.querySelectorAll(".lane i")) measure(bar, Date.now() / 1000 - card.dataset.begun);
    }
    const busy = found.deliveries.some((one) => one.word === "under way") || found.executions?.some((one) => one.status === "RUNNING") || found.parked;
    if (busy) this.again = setTimeout(this.refresh, 1000);
  }
}
