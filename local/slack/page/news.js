// What a screen reader says when something arrives: each message of others and each answer once, in a line. The
// channel's own list is no live region: all of it is put in anew at each change, and would be read out anew.

import { byId, make } from "./dom.js";

const MOST = 20;

export class News {
  constructor() {
    this.known = null;
    this.answers = null;
  }

  // Another channel: what is there already is no news.
  forget() {
    this.known = null;
    this.answers = null;
    byId("news").replaceChildren();
  }

  // `rows` are pairs of a message and the element that shows it; of `user` nothing is told, who wrote it.
  tell(rows, user) {
    const before = this.known;
    this.known = new Set(rows.map(([message]) => message.ts));
    if (before === null) return;
    for (const [message, row] of rows) {
      if (!before.has(message.ts) && message.user !== user) this.add(line(message, row));
    }
  }

  // `rows` are pairs of an answer that one person alone sees and its element; one that is replaced is news again.
  answered(rows) {
    const before = this.answers;
    const said = rows.map(([answer]) => JSON.stringify(answer));
    this.answers = new Set(said);
    if (before === null) return;
    rows.forEach(([, row], index) => { if (!before.has(said[index])) this.add(`Only visible to you: ${words(row)}`); });
  }

  add(words) {
    const place = byId("news");
    place.append(make("p", {}, words));
    while (place.childElementCount > MOST) place.firstElementChild.remove();
  }
}

const words = (row) => row.querySelector(".words").innerText;

function line(message, row) {
  const names = message.files.map((one) => one.name ?? one.id);
  const where = message.thread_ts && message.thread_ts !== message.ts ? " in the thread" : "";
  return [`${row.querySelector("b").textContent}${where}: ${words(row)}`, ...names].join(", ");
}
