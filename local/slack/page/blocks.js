// Slack's texts and blocks as elements.
// https://docs.slack.dev/messaging/formatting-message-text and https://docs.slack.dev/reference/block-kit/blocks

import { make } from "./dom.js";

const EMOJI = {
  "+1": "👍", "-1": "👎", tada: "🎉", eyes: "👀", fire: "🔥", heart: "❤️", rocket: "🚀", smile: "😄", wave: "👋",
  bulb: "💡", memo: "📝", mag: "🔍", lock: "🔒", label: "🏷️", file_folder: "📁", page_facing_up: "📄", paperclip: "📎",
  package: "📦", hourglass: "⌛", bell: "🔔", x: "❌", warning: "⚠️", information_source: "ℹ️", white_check_mark: "✅",
  heavy_check_mark: "✔️", question: "❓", exclamation: "❗", bar_chart: "📊", link: "🔗", wastebasket: "🗑️", sob: "😭",
};
// Only known names: 10:30:00 has none.
const NAMED = new RegExp(`:(${Object.keys(EMOJI).map((name) => name.replace("+", "\\+")).join("|")}):`, "u");
const ESCAPES = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };
const unescape = (text) => text.replace(/&(lt|gt|amp);/g, (escape) => ESCAPES[escape]);

// What may stand around * _ ~ for them to be marks, and not signs of their own.
const EDGE = "[\\s.,:;!?()\\[\\]{}'\"/…–—-]";
const mark = (sign) => `(?<=^|${EDGE}|[*_~])[${sign}](?=\\S)([^\\n${sign}]*[^\\s${sign}])[${sign}](?=$|${EDGE}|[*_~])`;
const MARKS = [
  ["pre", /```\n?([\s\S]+?)\n?```/u],
  ["code", /`([^`\n]+)`/u],
  ["token", /<([^<>\n]+)>/u],
  ["quote", /(?<=^|\n)(?:&gt;|>) ?([^\n]*)(?:\n|$)/u],
  ["strong", new RegExp(mark("*"), "u")],
  ["em", new RegExp(mark("_"), "u")],
  ["s", new RegExp(mark("~"), "u")],
  ["emoji", NAMED],
];
const LINK = /https?:\/\/[^\s<>]+/u;
// Letters, digits, marks and emoji, also by their names; signs that only join do not end a tag.
const TAG = /(?<=^|\s)#(?:[_+-]*(?:[\p{L}\p{N}\p{M}]|\p{Emoji_Presentation}|\p{Extended_Pictographic}|[\u{200d}\u{fe0f}\u{20e3}\u{1f3fb}-\u{1f3ff}]|:[a-z0-9_+-]+:))+/u;

// `names` maps user ids to names, `channels` channel ids to names. `bare`: are addresses without <> links?
// `tags`: is #this set off?
export function mrkdwn(text, world, { bare = true, tags = false } = {}) {
  let first = null;
  for (const [kind, pattern] of tags ? [...MARKS, ["tag", TAG]] : MARKS) {
    const found = pattern.exec(text);
    if (found && (!first || found.index < first.found.index)) first = { kind, found };
  }
  if (!first) return plain(unescape(text), { bare, tags });
  const { kind, found } = first;
  const rest = text.slice(found.index + found[0].length);
  return [
    ...plain(unescape(text.slice(0, found.index)), { bare, tags }),
    marked(kind, found, world, { bare, tags }),
    ...(rest ? mrkdwn(rest, world, { bare, tags }) : []),
  ];
}

function marked(kind, [whole, inner], world, options) {
  if (kind === "token") return token(inner, world);
  if (kind === "emoji") return emoji(inner);
  if (kind === "tag") return tag(whole);
  if (kind === "pre") return make("pre", {}, unescape(inner));
  if (kind === "code") return make("code", {}, unescape(inner));
  if (kind === "quote") return make("blockquote", {}, mrkdwn(inner, world, options));
  return make(kind, {}, mrkdwn(inner, world, options));
}

function plain(text, { bare, tags }) {
  const pattern = [[bare, LINK], [tags, TAG]].find(([on, one]) => on && one.test(text))?.[1];
  const found = pattern?.exec(text);
  if (!found) return text ? [text] : [];
  const piece = pattern === LINK ? link(found[0]) : tag(found[0]);
  const after = text.slice(found.index + found[0].length);
  return [...plain(text.slice(0, found.index), { bare, tags }), piece, ...plain(after, { bare, tags })];
}

const tag = (words) => make("bdi", { className: "tag" }, words.split(NAMED).map((piece, index) => (index % 2 ? emoji(piece) : piece)));

function token(inner, world) {
  const [target, label] = [inner.split("|")[0], inner.includes("|") ? inner.slice(inner.indexOf("|") + 1) : ""];
  if (target.startsWith("@")) return mention(`@${world.names[target.slice(1)] ?? unescape(label || target.slice(1))}`);
  if (target.startsWith("#")) return mention(`#${unescape(label) || world.channels[target.slice(1)] || target.slice(1)}`);
  if (target.startsWith("!date^")) return make("time", {}, unescape(label) || target.split("^")[1]);
  if (target.startsWith("!subteam^")) return mention(unescape(label) || "@group");
  if (target.startsWith("!")) return mention(`@${unescape(label).replace(/^@/, "") || target.slice(1)}`);
  return link(unescape(target), unescape(label));
}

const mention = (text) => make("span", { className: "mention" }, text);
export const emoji = (name) => make("span", { className: "emoji", title: `:${name}:` }, EMOJI[name] ?? `:${name}:`);

function link(url, label = "") {
  if (!/^(https?|mailto):/i.test(url)) return label || url;
  return make("a", { href: url, target: "_blank", rel: "noreferrer noopener" }, label || url);
}

// A text object: plain_text is shown to the letter but for emoji; mrkdwn that is verbatim links no bare address.
function text(object, world) {
  if (object.type === "plain_text") {
    return object.text.split(NAMED).map((piece, index) => (index % 2 === 0 ? piece : object.emoji === false ? `:${piece}:` : emoji(piece)));
  }
  return mrkdwn(object.text, world, { bare: !object.verbatim });
}

const RICH = {
  text: (one) => one.text,
  link: (one) => link(one.url, one.text),
  user: (one, world) => mention(`@${world.names[one.user_id] ?? one.user_id}`),
  channel: (one, world) => mention(`#${world.channels[one.channel_id] ?? one.channel_id}`),
  usergroup: () => mention("@group"),
  broadcast: (one) => mention(`@${one.range}`),
  emoji: (one) => emoji(one.name),
  date: (one) => make("time", {}, one.fallback ?? String(one.timestamp)),
};

function rich(element, world) {
  if (element.type === "rich_text_list") {
    const items = element.elements.map((one) => make("li", {}, rich(one, world)));
    return make(element.style === "ordered" ? "ol" : "ul", {}, items);
  }
  const pieces = element.elements.map((one) => styled(RICH[one.type]?.(one, world) ?? "", one.style ?? {}, element.type === "rich_text_section"));
  const tag = { rich_text_preformatted: "pre", rich_text_quote: "blockquote" }[element.type] ?? "span";
  return make(tag, {}, pieces.flat());
}

function styled(piece, style, tags) {
  const wraps = [["code", style.code], ["strong", style.bold], ["em", style.italic], ["s", style.strike]].filter(([, on]) => on);
  if (!wraps.length) return typeof piece === "string" && tags ? plain(piece, { bare: false, tags: true }) : piece;
  return wraps.reduce((inside, [tag]) => make(tag, {}, inside), piece);
}

// Buttons, menus and inputs. `use(action, about)` tells the app: about has block and, of an input, text; it comes
// back with Slack's warning, "" when the app acknowledged.
const ELEMENTS = {
  button(element, block, use) {
    const label = element.text.text;
    const about = { className: element.style === "primary" ? "strong" : element.style === "danger" ? "danger" : "quiet", "data-action": element.action_id, "aria-label": element.accessibility_label };
    const used = (event) => using(event.currentTarget, use(element.action_id, { block: block.block_id }));
    if (!element.url) return make("button", { type: "button", ...about, onclick: used }, text({ type: "plain_text", text: label }));
    return make("a", { ...about, className: "button", href: element.url, target: "_blank", rel: "noreferrer noopener", onclick: used }, text({ type: "plain_text", text: label }));
  },
  overflow: (element, block, use) => menu(element, block, use, "More actions"),
  static_select: (element, block, use) => menu(element, block, use, element.placeholder?.text ?? "Choose"),
};

function menu(element, block, use, label) {
  const options = element.options.map((each) => make("option", { value: each.value }, each.text.text));
  const changed = (event) => using(event.currentTarget, use(`${element.action_id}/${event.currentTarget.value}`, { block: block.block_id }));
  return make("select", { "aria-label": label, "data-action": element.action_id, onchange: changed }, make("option", { value: "", disabled: true, selected: true }, label), options);
}

// The warning sign stands beside what was used until it is used again.
async function using(element, answer) {
  element.parentElement.querySelector(".warning")?.remove();
  element.setAttribute("aria-busy", "true");
  const warning = await answer;
  element.removeAttribute("aria-busy");
  if (warning) element.after(make("span", { className: "warning", role: "img", title: warning, "aria-label": warning }, "⚠️"));
}

const element = (one, block, use) => ELEMENTS[one.type]?.(one, block, use) ?? make("span", { className: "unknown" }, `(an element of the type ${one.type})`);

function input(block, world, { use, typed = {} }) {
  const field = block.element;
  const id = `input-${block.block_id}`;
  const about = { id, "data-action": field.action_id, value: typed[field.action_id] ?? field.initial_value ?? "", placeholder: field.placeholder?.text ?? "", maxLength: field.max_length ?? 3000, autocomplete: "off" };
  const enter = (event) => {
    if (event.key !== "Enter" || event.isComposing || !block.dispatch_action) return;
    event.preventDefault();
    using(event.currentTarget, use(field.action_id, { block: block.block_id, text: event.currentTarget.value }));
  };
  return make("div", { className: "input" }, make("label", { htmlFor: id }, block.label.text), make("span", {}, make(field.multiline ? "textarea" : "input", { type: "text", ...about, onkeydown: enter })), block.hint && make("small", {}, block.hint.text));
}

const KINDS = {
  section(block, world, { use }) {
    const fields = (block.fields ?? []).map((one) => make("div", { className: "field" }, text(one, world)));
    const beside = block.accessory && (block.accessory.type === "image" ? make("span", {}, `[${block.accessory.alt_text}]`) : element(block.accessory, block, use));
    const words = make("div", {}, block.text && text(block.text, world));
    return make("div", { className: beside ? "section beside" : "section" }, words, fields.length ? make("div", { className: "fields" }, fields) : null, beside && make("span", { className: "elements" }, beside));
  },
  actions: (block, world, { use }) => make("div", { className: "elements" }, block.elements.map((one) => make("span", {}, element(one, block, use)))),
  input,
  context: (block, world) => make("div", { className: "context" }, block.elements.map((one) => make("span", {}, one.type === "image" ? `[${one.alt_text}]` : text(one, world)))),
  header: (block, world, { heading = "h3" }) => make(heading, {}, text(block.text, world)),
  divider: () => make("hr"),
  rich_text: (block, world) => make("div", {}, block.elements.map((one) => rich(one, world))),
  image: (block) => make("p", {}, link(block.image_url ?? "", block.alt_text)),
};

// Blocks where there are some, else the text. A kind that the page does not know says so, instead of vanishing.
// The double's rich_text says no more than the text, and leaves *marks* as they were typed: there the text is shown.
export function content({ text: words, blocks }, world, options = {}) {
  const typed = words && blocks?.every((block) => block.type === "rich_text");
  if (!blocks?.length || typed) return words ? [make("div", { className: "section" }, mrkdwn(words, world, options))] : [];
  return blocks.map((block) => KINDS[block.type]?.(block, world, { use: async () => "", ...options }) ?? make("p", { className: "unknown" }, `(a block of the type ${block.type})`));
}
