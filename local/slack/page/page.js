// The page: what is shown where, and how it stays up to date.

import { Composer } from "./composer.js";
import { byId, get, make, post, telling } from "./dom.js";
import { Home } from "./home.js";
import { Inspector } from "./inspector.js";
import { ephemeral, row } from "./messages.js";
import { News } from "./news.js";
import { Switches } from "./switches.js";

const LABELS = { channel: "Public: everybody finds what is archived here", group: "Private: found by those who are in it", im: "Between you and the app", mpim: "A group's direct message" };
const page = {
  channel: location.hash.slice(1), user: sessionStorage.getItem("user") ?? "", world: { names: {}, channels: {} }, state: null, panel: null, subject: null,
  reply: (message, author) => composer.replyTo(message.thread_ts ?? message.ts, author),
  inspect: (message, title) => openPanel("inspector", message, title),
  show: () => showMessages(),
};
const news = new News();
const inspector = new Inspector();
const switches = new Switches();
const composer = new Composer(() => ({ channel: page.channel, user: page.user }), async () => {
  await changed();
  byId("messages").scrollTop = byId("messages").scrollHeight;
});
const home = new Home(page, () => refresh());

const refresh = telling(async () => {
  const asked = [page.channel, page.user].join();
  const state = await get("/page/state", { channel: page.channel, user: page.user });
  if (asked !== [page.channel, page.user].join()) return undefined; // somebody went on meanwhile
  page.state = state;
  page.world = { names: state.names, channels: Object.fromEntries(state.channels.map((one) => [one.id, one.name])) };
  if (!state.people.some((one) => one.id === page.user)) { page.user = state.people[0]?.id; return refresh(); }
  if (!here()) return choose(visible()[0].id);
  composer.goTo(page.channel, state.run);
  showSide();
  showHead();
  showMessages();
  home.show(here());
  if (page.panel === "switches") switches.show(state);
  if (page.panel === "inspector") inspector.refresh();
  clearTimeout(again);
  if (state.messages.some(isUnderWay)) again = setTimeout(changed, 1000); // AWS says nothing by itself
  return undefined;
});

let again;
const isUnderWay = (one) => one.fate === "archiving" || one.fate === "parked" || (one.files.length && !one.fate && ["acknowledged", "under way"].includes(one.delivery?.word) && Date.now() / 1000 - one.ts < 60);
const visible = () => page.state.channels.filter((one) => one.kind !== "im" || one.user === page.user);
const here = () => visible().find((one) => one.id === page.channel);
const label = (one) => (one.kind === "im" ? page.state.app : one.name);

// The channel stands in the address, so that a reload, a bookmark and the way back lead to it.
function choose(id) {
  page.channel = id;
  if (location.hash !== `#${id}`) history.pushState(null, "", `#${id}`);
  document.body.classList.remove("side");
  byId("menu").setAttribute("aria-expanded", "false");
  closePanel();
  byId("text").focus();
  byId("messages").replaceChildren();
  news.forget();
  home.leave();
  return refresh();
}

function showSide() {
  byId("team").textContent = page.state.team;
  const people = page.state.people.map((one) => make("option", { value: one.id, selected: one.id === page.user }, one.name));
  if (byId("me").childElementCount !== people.length) byId("me").replaceChildren(...people);
  const entry = (one) => {
    const sign = { channel: "#", im: "●", mpim: "●" }[one.kind] ?? "";
    const about = { "aria-current": one.id === page.channel ? "page" : null, onclick: () => choose(one.id) };
    return make("li", {}, make("button", about, make("span", { className: one.kind, "aria-hidden": "true" }, sign), ` ${label(one)}`, one.kind === "group" && make("small", {}, "private")));
  };
  const key = JSON.stringify([page.channel, page.user, visible()]);
  if (key === byId("channels").dataset.key) return;
  byId("channels").dataset.key = key;
  const isDirect = (one) => one.kind === "im" || one.kind === "mpim";
  byId("channels").replaceChildren(...visible().filter((one) => !isDirect(one)).map(entry));
  byId("direct").replaceChildren(...visible().filter(isDirect).map(entry));
}

function showHead() {
  const one = here();
  const name = (one.kind === "channel" ? "#" : "") + label(one);
  byId("title").textContent = name;
  document.title = `${name} · Slack on this machine`;
  const [topic, more] = (one.member ? LABELS[one.kind] : "The app is not in this channel: it hears nothing").split(/(?=:)/);
  byId("topic").replaceChildren(topic, more ? make("span", { className: "wide" }, more) : "");
  byId("topic").className = one.member ? "" : "out";
  byId("invite").hidden = one.kind === "im";
  byId("invite").textContent = one.member ? "Remove the app" : "Invite the app";
  byId("text").placeholder = `Message ${name}, or /docs #tag`;
  byId("text").setAttribute("aria-label", `Message ${name}`);
  byId("drop").firstElementChild.textContent = `Drop to share in ${name}`;
  const count = page.state.switches.filter((each) => each.on).length + page.state.services.filter((each) => each.down).length;
  byId("troubles").textContent = count;
  byId("troubles").hidden = !count;
}

// Roots in order, each followed by its thread; rows that did not change stay, with the focus and the edit in them.
function showMessages(toEnd = false) {
  const place = byId("messages");
  const atEnd = toEnd || place.scrollHeight - place.scrollTop - place.clientHeight < 80;
  const kept = new Map([...place.querySelectorAll("li.message[data-key]")].map((one) => [one.dataset.key, one]));
  const known = new Set(page.state.messages.map((one) => one.ts));
  const isRoot = (one) => !one.thread_ts || one.thread_ts === one.ts || !known.has(one.thread_ts);
  const edited = (ts) => place.querySelector(`[data-ts="${ts}"] form`)?.closest("li.message");
  const rows = [];
  const shown = (one) => {
    const key = JSON.stringify([one, page.user, page.world]);
    const open = edited(one.ts);
    const made = open ?? kept.get(key) ?? row(one, page);
    made.dataset.key = open ? "" : key; // what is behind an edit may be old when that ends
    made.classList.toggle("chosen", one.ts === page.subject);
    rows.push([one, made]);
    return made;
  };
  const entries = page.state.messages.filter(isRoot).map((root) => {
    const replies = page.state.messages.filter((one) => !isRoot(one) && one.thread_ts === root.ts).map(shown);
    const thread = replies.length ? [make("li", { className: "thread" }, make("ol", { "aria-label": "Thread" }, replies))] : [];
    return { at: parseFloat(root.ts), elements: [shown(root), ...thread] };
  });
  const answers = page.state.answers.map((one) => ({ at: parseFloat(one.ts), elements: [answer(one, kept)] }));
  const all = [...entries, ...answers].sort((a, b) => a.at - b.at).flatMap((one) => one.elements);
  replace(place, all.length ? all : [welcome()]);
  if (atEnd) place.scrollTop = place.scrollHeight;
  news.tell(rows, page.user);
  news.answered(page.state.answers.map((one) => [one, place.querySelector(`.ephemeral[data-ts="${one.ts}"]`)]));
}

function answer(one, kept) {
  const key = JSON.stringify([one, page.user, page.world]);
  const made = kept.get(key) ?? ephemeral(one, page);
  made.dataset.key = key;
  return made;
}

// Taking a focused element out and in again loses its focus. Of a row that was made anew the same control has it, of
// one that lacks that, the way into the inspector; where the row is gone, the message box.
function replace(place, elements) {
  const focused = document.activeElement;
  const inside = place.contains(focused) && focused !== place;
  const ts = inside && focused.closest("[data-ts]")?.dataset.ts;
  place.replaceChildren(...elements);
  if (!inside) return;
  const now = place.querySelector(`[data-ts="${ts}"]`);
  const same = place.contains(focused) ? focused : now?.querySelector(`[data-action="${CSS.escape(focused.dataset.action ?? "")}"]`);
  (same ?? now?.querySelector(".fate") ?? byId("text")).focus({ preventScroll: true });
}

function welcome() {
  return make("li", { className: "welcome" },
    make("h2", {}, "Drop a file here"),
    make("p", {}, "or attach one below, and say what it is: the words with a # become its tags, as in ", make("q", {}, "Q3 numbers ", make("span", { className: "tag" }, "#finance"))),
    make("p", {}, "The app archives it and answers in the message's thread. Beside each message is what became of it."),
    make("p", {}, "Anybody who may see it finds it again: ", make("code", {}, "/docs #finance")),
    make("button", { className: "strong", onclick: telling(samples) }, "Try it with two samples"));
}

async function samples() {
  const canvas = new OffscreenCanvas(480, 300);
  const paint = canvas.getContext("2d");
  paint.fillStyle = "#eef3f2";
  paint.fillRect(0, 0, 480, 300);
  [90, 140, 120, 200, 235].forEach((height, index) => { paint.fillStyle = `hsl(${170 + index * 12} 40% 42%)`; paint.fillRect(40 + index * 84, 270 - height, 56, height); });
  const picture = await canvas.convertToBlob();
  composer.add([new File([picture], "Q3 chart.png", { type: "image/png" }), new File(["Region;Q3\nKöln;48213\nŁódź;1204\n"], "numbers.csv", { type: "text/csv" })]);
  byId("text").value = "Q3 numbers #finance #2026";
  await composer.submit();
}

function openPanel(kind, message, title) {
  const stay = inView(message?.ts ?? page.subject);
  page.panel = kind;
  byId("panel").hidden = false;
  document.body.classList.add("panel");
  byId("trouble").setAttribute("aria-expanded", kind === "switches");
  page.subject = message?.ts ?? null;
  if (kind === "switches") {
    inspector.close();
    switches.open(page.state);
  } else {
    inspector.open({ channel: page.channel, ts: message.ts }, title);
  }
  showMessages();
  stay();
  byId("close").focus();
}

// The panel takes width, so that words wrap, and every message is elsewhere. The one that it is about stays where it
// was, and comes into view where it was not; the function that is returned sees to that.
function inView(ts) {
  const find = () => byId("messages").querySelector(`[data-ts="${ts}"]`);
  const top = find()?.getBoundingClientRect().top;
  return () => {
    const row = find();
    if (!row || top === undefined) return;
    byId("messages").scrollTop += row.getBoundingClientRect().top - top;
    row.querySelector(".line")?.scrollIntoView({ block: "nearest" });
  };
}

function closePanel() {
  const from = page.panel === "switches" ? byId("trouble") : document.querySelector(`[data-ts="${page.subject}"] .fate`);
  const stay = inView(page.subject);
  inspector.close();
  Object.assign(page, { panel: null, subject: null });
  byId("panel").hidden = true;
  document.body.classList.remove("panel");
  stay();
  byId("trouble").setAttribute("aria-expanded", "false");
  for (const one of document.querySelectorAll(".chosen")) one.classList.remove("chosen");
  from?.focus();
}

addEventListener("popstate", () => choose(location.hash.slice(1)));
byId("me").addEventListener("change", (event) => { page.user = event.target.value; sessionStorage.setItem("user", page.user); news.forget(); home.leave(); refresh(); });
byId("trouble").addEventListener("click", () => (page.panel === "switches" ? closePanel() : openPanel("switches")));
byId("close").addEventListener("click", closePanel);
byId("invite").addEventListener("click", telling(() => post("/page/invite", { channel: page.channel, member: !here().member })));
byId("scrim").addEventListener("click", () => byId("menu").click());
byId("menu").addEventListener("click", () => byId("menu").setAttribute("aria-expanded", document.body.classList.toggle("side")));
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || byId("sure").open) return;
  if (document.body.classList.contains("side")) byId("menu").click();
  else if (page.panel) closePanel();
});

// One refresh at a time, and one more when something changed meanwhile.
let running = false;
let waiting = false;

async function changed() {
  if (running) { waiting = true; return; }
  running = true;
  await refresh();
  running = false;
  if (waiting) { waiting = false; changed(); }
}

const feed = new EventSource("/page/feed");
feed.addEventListener("message", changed);
feed.addEventListener("open", () => document.body.classList.remove("offline"));
feed.addEventListener("error", () => document.body.classList.add("offline"));
