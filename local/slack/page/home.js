// The app's Home: what it has published for the person who looks. Slack tells the app each time that it is opened.

import { content } from "./blocks.js";
import { byId, make, post, telling } from "./dom.js";

export class Home {
  // `page` has user, world, state.
  constructor(page, refresh) {
    this.page = page;
    this.refresh = refresh;
    this.channel = null;
    this.isOpen = false;
    byId("view-home").addEventListener("click", telling(() => this.open(true)));
    byId("view-messages").addEventListener("click", telling(() => this.open(false)));
  }

  leave() {
    this.channel = null;
    this.isOpen = false;
    this.shown = "";
  }

  async open(isHome) {
    this.isOpen = isHome;
    await post("/page/home", { user: this.page.user, tab: isHome ? "home" : "messages" });
    await this.refresh();
  }

  // Called at each change, with the conversation that is looked at.
  show(channel) {
    const { home, app } = this.page.state;
    const isApp = channel.kind === "im" && home !== null;
    const isOpen = isApp && this.isOpen;
    byId("views").hidden = !isApp;
    byId("view-home").setAttribute("aria-pressed", isOpen);
    byId("view-messages").setAttribute("aria-pressed", !isOpen);
    byId("home").hidden = !isOpen;
    for (const id of ["messages", "composer"]) byId(id).hidden = isOpen;
    if (isOpen) this.fill(home, app);
  }

  fill(home, app) {
    if (this.shown === home.hash && this.shown) return; // what is being typed stays
    this.shown = home.hash;
    const place = byId("home");
    const focused = place.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    if (!home.hash) return place.replaceChildren(make("p", { className: "nothing" }, `${app} has published nothing here yet.`));
    const use = telling((action, about) => this.use(action, about));
    place.replaceChildren(...content({ text: "", blocks: home.blocks }, this.page.world, { use, typed: home.typed, heading: "h2" }));
    if (focused) (place.querySelector(`[data-action="${CSS.escape(focused)}"]`) ?? place).focus({ preventScroll: true });
    return undefined;
  }

  async use(action, { block, text }) {
    const user = this.page.user;
    if (text !== undefined) return (await post("/page/home/type", { user, action, text })).warning;
    const typed = Object.fromEntries([...byId("home").querySelectorAll("input, textarea")].map((one) => [one.dataset.action, one.value]));
    return (await post("/page/home/click", { user, action, block, typed })).warning;
  }
}
