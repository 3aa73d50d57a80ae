// One message as an element, with its files, its thread, and what one can do to it.

import { content, emoji } from "./blocks.js";
import { byId, bytes, make, post, telling, toast } from "./dom.js";

const moment = (ts) => new Date(parseFloat(ts) * 1000);
const hours = (ts) => moment(ts).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const hue = (name) => [...name].reduce((sum, sign) => (sum * 31 + sign.codePointAt(0)) % 360, 7);

export function avatar(name, app) {
  const picture = app ? make("img", { className: "avatar", src: "/page/icon.svg", alt: "" }) : make("span", { className: "avatar", "aria-hidden": "true" }, name[0]?.toUpperCase() ?? "?");
  picture.style.setProperty("--hue", hue(name));
  return picture;
}

function file(one) {
  const address = `/page/files/${one.id}`;
  const extension = (one.name ?? "").split(".").slice(1).pop()?.slice(0, 4) ?? "file";
  const front = one.picture
    ? make("img", { src: address, alt: "", loading: "lazy" })
    : make("span", { className: "kind", "aria-hidden": "true" }, extension);
  const words = make("span", { className: "about" }, make("b", {}, make("bdi", {}, one.name ?? one.id)), make("small", {}, one.deleted ? "was deleted" : bytes(one.size)));
  return make("li", { className: one.picture ? "picture" : "" }, make("a", { href: address, download: one.name ?? "", title: `Download ${one.name ?? one.id}` }, front, words));
}

// What became of the files, once the app has taken the event; before that, of the delivery. It is the way into the
// inspector.
const FATES = { archiving: ["busy", "…"], parked: ["busy", "⏸"], archived: ["good", "✓"], failed: ["bad", "✕"], "not archived": ["bad", "–"] };

function fate(message, inspect) {
  const { word, tries, status, problem } = message.delivery ?? { word: "not sent", tries: 0, status: null };
  const good = word === "acknowledged";
  const [state, mark] = (good && FATES[message.fate]) || [];
  const trouble = word === "under way" && tries ? `${status}, trying again` : word;
  const became = message.gone && message.fate === "archived" ? "withdrawn" : message.fate;
  const words = state ? became : good ? `${tries > 1 ? `after ${tries} tries` : "delivered"}` : problem ? `${trouble}: ${problem}` : trouble;
  const sign = mark ?? { acknowledged: "✓", "under way": "…", "given up": "✕" }[word] ?? "–";
  return make("button", { className: `fate ${state ? state : good ? "good" : word === "under way" ? "busy" : "bad"}`, title: "What became of it: deliveries, workflow, archive", "aria-label": `Inspect: ${words}`, onclick: inspect }, `${sign} ${words}`, make("span", {}, " · inspect"));
}

// `page` has world, user, reply(message, author), inspect(message, title), show().
export function row(message, page) {
  const name = message.gone ? "Slack" : page.world.names[message.user] ?? message.author ?? message.user ?? "?";
  const mine = message.user === page.user && !message.gone;
  const inThread = message.thread_ts && message.thread_ts !== message.ts;
  const element = make("li", { className: `message ${message.app ? "app" : ""}`, "data-ts": message.ts });
  const actions = make("span", { className: "actions" },
    !message.gone && page.state.shortcuts.map((one) => make("button", { className: "quiet", "data-action": one.id, onclick: shortcut(one, message, page) }, one.name)),
    !inThread && make("button", { className: "quiet", "data-action": "reply", onclick: () => page.reply(message, name) }, "Reply"),
    !inThread && !message.gone && make("button", { className: "quiet", "data-action": "expire", title: "As retention does after 90 days: Slack loses the message and its files", onclick: telling(() => post("/page/expire", { channel: page.channel, ts: message.ts })) }, "Expire"),
    mine && make("button", { className: "quiet", "data-action": "edit", onclick: () => edit(message, element, page) }, "Edit"),
    mine && make("button", { className: "quiet", "data-action": "delete", onclick: () => remove(message, page) }, "Delete"));
  const head = make("div", { className: "line" },
    make("b", {}, make("bdi", {}, name)), message.app && make("span", { className: "badge" }, "app"),
    make("time", { dateTime: moment(message.ts).toISOString(), title: moment(message.ts).toLocaleString() }, hours(message.ts)),
    message.app ? null : fate(message, () => page.inspect(message, `${name}'s message of ${hours(message.ts)}`)),
    actions);
  const words = make("div", { className: "words" }, content(message, page.world, { tags: !message.app, use: use(page, message.ts) }));
  if (message.edited) (words.lastElementChild ?? words).append(" ", make("small", { className: "edited" }, "(edited)"));
  const files = message.files.length ? make("ul", { className: "files" }, message.files.map(file)) : null;
  const reactions = message.reactions.length && !message.gone ? make("p", { className: "reactions" }, message.reactions.map((one) => make("span", {}, emoji(one.name), ` ${one.count}`))) : null;
  element.append(avatar(name, message.app), make("div", { className: "body" }, head, words, files, reactions));
  return element;
}

const shortcut = ({ id }, message, page) => telling(async () => {
  const { warning } = await post("/page/shortcut", { channel: page.channel, ts: message.ts, user: page.user, shortcut: id });
  if (warning) toast(warning);
});

function unescape(text, world) {
  const named = text.replace(/<([#@])(\w+)(?:\|([^>]*))?>/g, (_, sign, id, label) => sign + (label || (sign === "@" ? world.names : world.channels)[id] || id));
  return named.replace(/<([^|>]+)(?:\|[^>]*)?>/g, "$1").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

function edit(message, element, page) {
  if (element.querySelector("form")) return;
  const words = element.querySelector(".words");
  const text = make("textarea", { value: unescape(message.text, page.world), rows: 1, "aria-label": "New words" });
  const keep = message.files.map((one) => make("label", {}, make("input", { type: "checkbox", checked: true, value: one.id }), " ", make("bdi", {}, one.name ?? one.id)));
  const stop = () => { form.replaceWith(words); element.querySelector('[data-action="edit"]').focus(); page.show(); };
  const save = telling(async () => {
    const without = [...form.querySelectorAll("input:not(:checked)")].map((one) => one.value);
    await post("/page/edit", { channel: page.channel, ts: message.ts, text: text.value.trim(), without });
    stop();
  });
  const form = make("form", { className: "editing", onsubmit: (event) => { event.preventDefault(); save(); } }, text,
    keep.length ? make("p", { className: "keep" }, "Keep ", keep) : null,
    make("div", { className: "row" }, make("button", { type: "button", className: "quiet", onclick: stop }, "Cancel"), make("button", { className: "strong" }, "Save")));
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { event.stopPropagation(); stop(); }
    if (event.key === "Enter" && event.target === text && !event.shiftKey && !event.isComposing) { event.preventDefault(); save(); }
  });
  words.replaceWith(form);
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}

function remove(message, page) {
  const dialog = byId("sure");
  dialog.returnValue = "";
  dialog.onclose = telling(async () => {
    if (dialog.returnValue === "yes") await post("/page/delete", { channel: page.channel, ts: message.ts });
  });
  dialog.showModal();
}

// What one person alone sees: the answer to a command, a click or a shortcut. The page's `use` is as of a message.
export function ephemeral({ ts, asked, answer }, page) {
  const dismiss = telling(() => post("/page/dismiss", { channel: page.channel, ts, user: page.user }));
  return make("li", { className: "message ephemeral", "data-ts": ts }, avatar("slack-integrator", true), make("div", { className: "body" },
    make("div", { className: "line" }, make("small", {}, "Only visible to you"), asked && make("code", {}, asked), make("button", { className: "quiet dismiss", onclick: dismiss }, "Dismiss")),
    make("div", { className: "words" }, content(answer, page.world, { use: use(page, ts) }))));
}

// Tells the app that an element of the message *ts* was used.
const use = (page, ts) => telling(async (action, about) => (await post("/page/click", { channel: page.channel, ts, user: page.user, action, ...about })).warning);
