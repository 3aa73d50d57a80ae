// Trouble, at will: the misbehaviours of the double, and outages of AWS.

import { byId, make, post, telling } from "./dom.js";

const OFTEN = { once: 1, "three times": 3, "until off": null };

export class Switches {
  constructor() {
    this.often = "once";
    this.typed = {};
  }

  open(state) {
    byId("panel-title").textContent = "Make trouble";
    byId("tabs").hidden = true;
    byId("inside").removeAttribute("role");
    byId("inside").removeAttribute("aria-labelledby");
    this.shown = "";
    this.show(state);
  }

  show({ switches, services }) {
    const text = JSON.stringify([switches, services]);
    if (text === this.shown) return;
    const focused = document.activeElement?.id;
    this.shown = text;
    const groups = Map.groupBy ? Map.groupBy(switches, (one) => one.group) : grouped(switches);
    byId("inside").replaceChildren(
      make("p", {}, "Let Slack or AWS misbehave, then upload something and watch the app cope."),
      this.top(switches.some((one) => one.on) || services.some((one) => one.down)),
      services.length ? fieldset("An outage at AWS", services.map((one) => this.service(one))) : "",
      ...[...groups].map(([name, them]) => fieldset(name, them.map((one) => this.fault(one)))),
    );
    const again = focused && byId(focused);
    (again?.disabled ? byId("often") : again)?.focus(); // "All well again" can be used once
  }

  top(any) {
    const choices = Object.keys(OFTEN).map((name) => make("option", { selected: name === this.often }, name));
    const choose = make("select", { id: "often", onchange: (event) => { this.often = event.target.value; } }, choices);
    const calm = make("button", { id: "calm", className: "quiet", disabled: !any, onclick: telling(() => post("/page/behave", {})) }, "All well again");
    return make("div", { className: "row" }, make("label", {}, "Each happens ", choose), calm);
  }

  service(one) {
    const flip = telling((event) => post("/page/outage", { service: one.id, on: event.target.checked }));
    return toggle(`down-${one.id}`, one.down, flip, one.name, one.down ? "answers 503" : "");
  }

  fault(one) {
    const options = Object.entries(one.options).filter(([, value]) => value !== null);
    const typed = (this.typed[one.name] ??= {});
    const flip = telling((event) => post("/page/misbehave", { name: one.name, times: event.target.checked ? OFTEN[this.often] : 0, options: typed }));
    const inputs = options.map(([name, value]) => make("label", { className: "option" }, `${name.replaceAll("_", " ")} `, make("input", {
      id: `option-${one.name}-${name}`, type: typeof value === "number" ? "number" : "text", step: "any", min: 0, value: typed[name] ?? value, disabled: one.on,
      onchange: (event) => { typed[name] = typeof value === "number" ? event.target.valueAsNumber : event.target.value; },
    })));
    const left = one.times === null ? "" : ` of ${one.times}`;
    return toggle(`fault-${one.name}`, one.on, flip, one.words, one.on ? `happened ${one.happened}${left}` : "", inputs);
  }
}

function toggle(id, on, flip, words, note, inputs = []) {
  const box = make("input", { type: "checkbox", role: "switch", id, checked: on, onchange: flip });
  return make("div", { className: "switch" }, make("label", {}, box, make("span", {}, words), note && make("small", {}, note)), inputs);
}

const fieldset = (name, inside) => make("fieldset", {}, make("legend", {}, name), inside);

function grouped(switches) {
  const groups = new Map();
  for (const one of switches) groups.set(one.group, [...(groups.get(one.group) ?? []), one]);
  return groups;
}
