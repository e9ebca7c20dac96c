/* The frame of a task page: title, time left, messages, states, foot. It knows how they look and not what they mean. */

import { clockText, icon, make } from "./dom.js";

const SHORT_TIME = 5 * 60;

/** `act`: what the page's own buttons do, `{submit(), giveBack()}`. */
export class Frame {
  constructor(act) {
    this._clock = 0;
    this._said = new Set();
    this._cover = null;
    this._build(act);
  }

  _build(act) {
    this.title = make("h1", { class: "cd-bar-title" }, document.title);
    this.timeLeft = make("span", { class: "cd-pill", "data-tone": "warn", hidden: true });
    this.backButton = make(
      "button",
      {
        class: "cd-button cd-plain",
        type: "button",
        hidden: true,
        "aria-label": "Give back this unit",
        onclick: () => act.giveBack(),
      },
      icon("door"),
      make("span", {}, "Give back"),
    );
    this.bannerText = make("p", {});
    this.bannerButton = make("button", { class: "cd-button", type: "button", hidden: true }, "Try now");
    this.banner = make("div", { class: "cd-banner", hidden: true }, icon("away"), this.bannerText, this.bannerButton);
    const bar = make("div", { class: "cd-bar" }, this.title, this.timeLeft, this.backButton);
    this.live = make("div", { class: "cd-quiet", role: "status" });
    this.alert = make("div", { class: "cd-quiet", role: "alert" });
    this.main = make("main", { class: "cd-main", id: "cd-main", tabindex: "-1" });
    this.footStatus = make("p", { class: "cd-foot-status" });
    this.submitButton = make(
      "button",
      { class: "cd-button cd-first cd-large", type: "button", onclick: () => act.submit() },
      "Submit",
    );
    this.foot = make("footer", { class: "cd-foot", hidden: true }, this.footStatus, this.submitButton);
    this.messages = make("div", {});
    const header = make("header", { class: "cd-top" }, bar, this.banner, this.messages);
    document.body.prepend(make("a", { class: "cd-skip", href: "#cd-main" }, "Go to the task"));
    document.body.append(header, this.main, this.foot, this.live, this.alert);
  }

  setTitle(title) {
    document.title = title;
    this.title.textContent = title;
  }

  /** Make room for the work itself. `wide` and `full`: how much of the window it takes. */
  openWork({ wide, full }) {
    this.main.replaceChildren();
    this.main.classList.toggle("cd-wide", Boolean(wide));
    document.body.classList.toggle("cd-full", Boolean(full));
    this.foot.hidden = false;
    this.setFoot("");
  }

  /** Fill the page with a message instead of the work. */
  showState(symbol, tone, title, text, actions = [], more = []) {
    this._cover = null;
    clearInterval(this._telling);
    this.lock(false);
    this.submitButton.hidden = false;
    document.body.classList.remove("cd-full");
    this.main.classList.remove("cd-wide");
    this.foot.hidden = true;
    this.backButton.hidden = true;
    const emblem = symbol === "spinner" ? make("div", { class: "cd-spinner" }) : icon(symbol);
    const state = make(
      "section",
      { class: "cd-state" },
      make("div", { class: "cd-emblem", "data-tone": tone }, emblem),
      make("h2", {}, title),
      text ? make("p", {}, text) : null,
      ...more,
      actions.length ? make("div", { class: "cd-actions" }, ...actions) : null,
    );
    this.main.replaceChildren(state);
    this.say(`${title}. ${text}`);
    this.main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  /** Hide the work behind a message, without throwing away what is filled in. `tell()`: its text at each moment. */
  coverWork(symbol, tone, title, text, tell = null) {
    const wasCovered = Boolean(this._cover);
    this._cover?.remove();
    clearInterval(this._telling);
    const words = make("p", {}, tell ? tell() : text);
    this._telling = tell ? setInterval(() => (words.textContent = tell()), 1000) : 0;
    this._cover = make(
      "section",
      { class: "cd-state" },
      make("div", { class: "cd-emblem", "data-tone": tone }, icon(symbol)),
      make("h2", {}, title),
      words,
    );
    for (const child of this.main.children) {
      child.hidden = true;
    }
    this.main.append(this._cover);
    this.foot.hidden = true;
    if (!wasCovered || tell) {
      this.say(`${title}. ${words.textContent}`);
    }
  }

  uncoverWork() {
    clearInterval(this._telling);
    if (this._cover) {
      this._cover.remove();
      this._cover = null;
      for (const child of this.main.children) {
        child.hidden = false;
      }
      this.foot.hidden = false;
      this.say("It begins.");
    }
  }

  /** Show a message under the title; empty: none. `tryNow`: what its button does, or null. */
  setBanner(tone, text, tryNow = null) {
    const isNew = this.bannerText.dataset.tone !== tone + (tryNow ? "!" : "");
    this.bannerText.dataset.tone = tone + (tryNow ? "!" : "");
    this.banner.hidden = !text;
    this.banner.dataset.tone = tone;
    this.bannerText.textContent = text;
    this.bannerButton.hidden = !tryNow;
    this.bannerButton.onclick = tryNow;
    if (isNew && text) {
      this.say(text);
    }
  }

  /** Show what the requester wrote to this worker until they have read it; `read` is called then. */
  showMessage(text, read) {
    const box = make("div", { class: "cd-banner", "data-tone": "info" }, icon("people"));
    const done = () => {
      box.remove();
      read();
      this.main.focus({ preventScroll: true });
    };
    const words = make("p", { class: "cd-message" }, make("strong", {}, "From the requester: "), text);
    box.append(words, make("button", { class: "cd-button", type: "button", onclick: done }, "I have read it"));
    this.messages.append(box);
    this.alert.textContent = `From the requester: ${text}`;
  }

  /** Say something beside the submit button. */
  setFoot(text, tone = "") {
    this.footStatus.textContent = text;
    this.footStatus.dataset.tone = tone;
  }

  /** Tell a screen reader. */
  say(text) {
    this.live.textContent = text;
  }

  /** Lock or unlock the buttons of the frame. */
  lock(locked) {
    this.submitButton.disabled = locked;
    this.backButton.disabled = locked;
    this.main.setAttribute("aria-busy", String(locked));
  }

  /** Show the time that is left when it is short; `end` is in ms, null: no limit. */
  startClock(end) {
    this.stopClock();
    if (end !== null) {
      this._clock = setInterval(() => this._tick(end), 1000);
      this._tick(end);
    }
  }

  _tick(end) {
    const seconds = (end - Date.now()) / 1000;
    this.timeLeft.hidden = seconds > SHORT_TIME;
    this.timeLeft.textContent = seconds > 0 ? `${clockText(seconds)} left` : "Time is over";
    this.timeLeft.dataset.tone = seconds > 60 ? "warn" : "bad";
    for (const minutes of [5, 1]) {
      if (seconds > 0 && seconds <= minutes * 60 && !this._said.has(minutes)) {
        this._said.add(minutes);
        if (seconds > (minutes - 1) * 60) {
          this.say(`About ${minutes} minute${minutes > 1 ? "s" : ""} left.`);
        }
      }
    }
  }

  stopClock() {
    clearInterval(this._clock);
    this.timeLeft.hidden = true;
  }
}
