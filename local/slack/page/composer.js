// The message box: words, and files that upload while one still writes, as in Slack. What is not sent yet is a draft,
// which stays in its channel, and through a reload: in the tab's session, with the ids of files that are uploaded.

import { byId, bytes, make, post, send, telling, toast } from "./dom.js";

const MOST = 500 * 1024 ** 2; // the double keeps files in memory

export class Composer {
  // `place()` tells { channel, user }; `answered()` shows the answer to a command.
  constructor(place, answered) {
    this.place = place;
    this.answered = answered;
    this.files = [];
    this.leaving = {}; // the files of each draft, also those that are on their way
    this.thread = null;
    this.author = "";
    this.text = byId("text");
    byId("composer").addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.text.addEventListener("input", () => this.show());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("paste", (event) => this.add([...event.clipboardData.files]));
    byId("attach").addEventListener("click", () => byId("chosen").click());
    byId("chosen").addEventListener("change", (event) => { this.add([...event.target.files]); event.target.value = ""; });
    this.listenForDrops();
    this.submit = telling(this.submit.bind(this));
    this.show();
  }

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && this.thread) {
      event.stopPropagation();
      this.replyTo(null);
    }
  }

  listenForDrops() {
    const brings = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    let depth = 0;
    const over = (now) => { depth = Math.max(0, now); byId("drop").hidden = depth === 0; };
    addEventListener("dragenter", (event) => { if (brings(event)) over(depth + 1); });
    addEventListener("dragleave", (event) => { if (brings(event)) over(depth - 1); });
    addEventListener("dragover", (event) => { if (brings(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      over(0);
      this.add([...event.dataTransfer.files]);
    });
  }

  add(files) {
    for (const file of files) {
      if (file.size > MOST) toast(`${file.name} is larger than this workspace holds (${bytes(MOST)}).`);
      else this.upload(file);
    }
    if (files.length) this.text.focus();
  }

  upload(file) {
    const bar = make("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
    const entry = this.entry(file, bar);
    const said = entry.element.querySelector("small");
    const about = { name: file.name, type: file.type, user: this.place().user };
    const sending = send("/page/files", about, file, (part) => { bar.value = part; });
    entry.stop = sending.stop;
    entry.done = sending.done.then(
      (answer) => { entry.id = answer.file; bar.remove(); },
      (error) => { entry.failed = true; bar.remove(); said.textContent = error.message; entry.element.classList.add("failed"); },
    ).then(() => { if (this.files.includes(entry)) this.show(); });
    this.files.push(entry);
    this.show();
  }

  entry({ name, size }, bar) {
    const entry = { id: null, failed: false, name, size, stop: () => {}, done: Promise.resolve() };
    const remove = make("button", { type: "button", className: "quiet", "aria-label": `Remove ${name}`, onclick: () => this.remove(entry) }, "✕");
    entry.element = make("li", {}, make("bdi", { className: "name" }, name), make("small", {}, bytes(size)), bar, remove);
    return entry;
  }

  // Go on with the draft of a channel, as it was in this `run` of the workspace.
  goTo(channel, run) {
    const key = `draft/${run}/${channel}`;
    if (key === this.draft) return;
    const early = this.draft ? { text: "", files: [] } : { text: this.text.value, files: this.files }; // before the first answer
    this.draft = key;
    const draft = JSON.parse(sessionStorage.getItem(key) ?? "{}");
    this.text.value = early.text || (draft.text ?? "");
    const files = this.leaving[key] ?? (draft.files ?? []).map((one) => Object.assign(this.entry(one), { id: one.id }));
    this.files = [...files, ...early.files];
    this.inThread(draft.thread ?? null, draft.author);
    this.show();
  }

  keep() {
    if (!this.draft) return;
    this.leaving[this.draft] = this.files;
    const files = this.files.filter((one) => one.id).map(({ id, name, size }) => ({ id, name, size }));
    const draft = { text: this.text.value, files, thread: this.thread, author: this.author };
    if (draft.text || files.length || draft.thread) sessionStorage.setItem(this.draft, JSON.stringify(draft));
    else sessionStorage.removeItem(this.draft);
  }

  remove(entry) {
    entry.stop();
    this.files = this.files.filter((one) => one !== entry);
    this.show();
    this.text.focus();
  }

  replyTo(message, author) {
    this.inThread(message, author);
    this.text.focus();
  }

  inThread(message, author = "") {
    this.thread = message;
    this.author = author;
    byId("replying").hidden = !message;
    byId("replying").replaceChildren(...(message ? [`Replying to ${author}'s message `, make("button", { type: "button", className: "quiet", onclick: () => this.replyTo(null) }, "Not in the thread")] : []));
    this.keep();
  }

  clear(sent) {
    if (this.text.value.trim() === sent) this.text.value = ""; // else somebody wrote on during an upload
    this.files = [];
    this.replyTo(null);
    this.show();
  }

  async submit() {
    const { channel, user } = this.place();
    const text = this.text.value.trim();
    if (this.busy) this.next = this.draft; // an Enter is never lost
    if (this.busy || (!text && !this.files.length)) return;
    this.busy = true;
    this.next = null;
    this.show();
    try {
      if (this.text.value.startsWith("/")) await this.command(channel, user, text);
      else await this.message(channel, user, text);
    } finally {
      this.busy = false;
      this.show();
    }
    if (this.next === this.draft) await this.submit();
  }

  async message(channel, user, text) {
    const { draft, files, thread } = this;
    await Promise.all(files.map((one) => one.done));
    const sent = this.leaving[draft];
    const failed = sent.filter((one) => one.failed).map((one) => one.name);
    if (failed.length) throw new Error(`Not sent, since this was not uploaded: ${failed.join(", ")}. Remove it, or attach it again.`);
    await post("/page/messages", { channel, user, text, files: sent.map((one) => one.id), thread_ts: thread });
    this.leaving[draft] = [];
    if (draft === this.draft) this.clear(text);
    else sessionStorage.removeItem(draft); // somebody went on meanwhile
  }

  async command(channel, user, text) {
    if (this.thread) throw new Error(`${text.split(/\s/)[0]} is not supported in threads, as in Slack. Click “Not in the thread”.`);
    if (this.files.length) throw new Error("A command takes no files. Remove them; or put a space before the /, and it is sent as a message.");
    const { problem, known } = await post("/page/command", { channel, user, text });
    if (known) this.text.value = "";
    this.keep();
    await this.answered();
    if (problem) toast(problem); // last: whoever reads it can send again at once
  }

  show() {
    this.keep();
    byId("pending").replaceChildren(...this.files.map((one) => one.element));
    const uploading = this.files.some((one) => !one.id && !one.failed);
    const command = this.text.value.startsWith("/");
    byId("send").disabled = this.busy;
    byId("hint").textContent = this.busy && uploading ? "Sends when the upload is done" : command ? "The answer is shown to you alone" : "Enter sends, Shift+Enter starts a line";
    this.text.style.height = "auto";
    if (this.text.scrollHeight) this.text.style.height = `${Math.min(this.text.scrollHeight, 220)}px`; // 0 behind Home
  }
}
