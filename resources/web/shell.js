/* The frame of every task page: title, time left, connection, states, draft, submit, receipt. */

import { clockText, icon, make, money } from "./dom.js";
import { forget, keep, kept, newVisit, tidy } from "./keep.js";
import { Refusal, Unreachable, pauseSeconds, persist, request } from "./net.js";
import { Session, reportErrors } from "./session.js";

const WORKING = new Set(["", "none", "accepted", "in task", "onboarding"]);
const SHORT_TIME = 5 * 60;
const ENDED = {
  expired: ["The task has ended", "The requester has closed this unit. You need do nothing more."],
  timeout: ["The time is over", "This unit was not sent in time, so somebody else can do it now."],
  returned: ["You gave this unit back", "Somebody else can do it now. You can take another."],
  disconnect: ["You were away for too long", "This unit was given to somebody else. You can take another."],
  "partner disconnect": ["Your partner has left", "This unit cannot be finished without them."],
};
/** Refusals by code: symbol, tone, title. `again`: it may be otherwise soon, so the page asks again by itself. */
const REFUSALS = {
  entry_required: { symbol: "door", title: "Please come in through your link" },
  name_required: { symbol: "door", title: "Please say who you are first" },
  name_taken: { symbol: "people", title: "This name is taken" },
  already_done: { symbol: "check", tone: "ok", title: "This unit is done" },
  finished: { symbol: "check", tone: "ok", title: "All the work is done" },
  paused: { symbol: "pause", title: "The task is paused", again: true },
  budget: { symbol: "pause", title: "The task is paused", again: true },
  run_full: { symbol: "people", title: "All places are taken", again: true },
  all_taken: { symbol: "clock", title: "Nothing is free at the moment", again: true },
  not_ready: { symbol: "clock", title: "One moment, please", again: true },
  failed: { symbol: "away", title: "That did not work", again: true },
  blocked: { symbol: "stop", title: "You cannot take part" },
  soft_blocked: { symbol: "stop", title: "No more units for you" },
};
const REFUSED = { symbol: "inbox", title: "There is no unit for you now" };
const ASK_AGAIN_SECONDS = 20;
const DONE = new Set(["completed", "approved", "soft_rejected", "rejected"]);

/**
 * Run a task page. `task.show({root, data, config, draft, preview, changed, submit})` fills `root` and returns
 * `{collect(), draft(), lock(locked), focus(), note}`; `collect()` gives `{data, files}`, or null when something is
 * missing and was pointed at; `note` says what a draft could not bring back. `task.wide` and `task.full` make the page
 * use the whole window.
 */
export async function runTask(task) {
  const page = new TaskPage(task);
  await page.run();
}

class TaskPage {
  constructor(task) {
    this.task = task;
    this.config = {};
    this.control = null;
    this.session = null;
    this.isSending = false;
    this.visit = getAssignmentId();
    this.worker = getWorkerName();
    this.isPreview = location.pathname === "/preview" || this.visit === null || this.worker === null;
    this._saveTimer = 0;
    this._clock = 0;
    this._timesGone = 0;
    this._said = new Set();
    this._build();
  }

  async run() {
    tidy();
    reportErrors(() => this.session?.token ?? "");
    try {
      this.config = await persist(() => request("GET", "/task_config.json"), this._patience(), this._waiting());
    } catch (error) {
      this._refused(error);
      return;
    }
    this._setTitle(this.config.task_title || document.title);
    if (this.isPreview) {
      this._preview();
      return;
    }
    const receipt = kept(`receipt.${this.visit}`);
    if (receipt) {
      this._receipt(receipt);
      return;
    }
    await this._begin();
  }

  // --- building

  _build() {
    this.title = make("h1", { class: "cd-bar-title" }, document.title);
    this.timeLeft = make("span", { class: "cd-pill", "data-tone": "warn", hidden: true });
    this.backButton = make(
      "button",
      {
        class: "cd-button cd-plain",
        type: "button",
        hidden: true,
        "aria-label": "Give back this unit",
        onclick: () => this._askToReturn(),
      },
      icon("door"),
      make("span", { class: "cd-hide-small" }, "Give back"),
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
      { class: "cd-button cd-first cd-large", type: "button", onclick: () => this.submit() },
      "Submit",
    );
    this.foot = make("footer", { class: "cd-foot", hidden: true }, this.footStatus, this.submitButton);
    const header = make("header", { class: "cd-top" }, bar, this.banner);
    document.body.prepend(make("a", { class: "cd-skip", href: "#cd-main" }, "Go to the task"));
    document.body.append(header, this.main, this.foot, this.live, this.alert);
    window.addEventListener("pagehide", () => this._saveNow());
    document.addEventListener("visibilitychange", () => document.hidden && this._saveNow());
    window.addEventListener("beforeunload", (event) => this.isSending && event.preventDefault());
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  _setTitle(title) {
    document.title = title;
    this.title.textContent = title;
  }

  _patience() {
    if (!this.session) {
      this.session = new Session(getAgentRegistration());
      this.session.addEventListener("connection", (event) => this._connection(event.detail.state));
      this.session.addEventListener("status", (event) => this._status(event.detail.status));
      this.session.addEventListener("unknown", () => this._gone());
    }
    return this.session.patience;
  }

  // --- from arrival to work

  async _begin() {
    this._state("spinner", "info", "One moment", "Your unit is being fetched.");
    try {
      this._patience();
      await this.session.register(this._waiting());
    } catch (error) {
      this._refused(error);
      return;
    }
    this._arrived();
  }

  _arrived() {
    const { session } = this;
    if (session.status && !WORKING.has(session.status) && session.status !== "waiting") {
      this._status(session.status);
      return;
    }
    const draft = session.findDraft();
    this._startClock(draft);
    this._show(session.data, draft?.answers ?? null, false);
    this.backButton.hidden = session.isOnboarding;
    if (draft?.sending) {
      this._say("Your answers are being sent.");
      this._send(draft.sending);
    } else if (draft?.answers) {
      this._foot(`Your answers from before are here again. ${this.control.note ?? ""}`);
    }
    this._status(session.status);
  }

  _show(data, draft, preview) {
    this.main.replaceChildren();
    this.main.classList.toggle("cd-wide", Boolean(this.task.wide));
    document.body.classList.toggle("cd-full", Boolean(this.task.full));
    this.control = this.task.show({
      root: this.main,
      data,
      draft,
      preview,
      config: this.config,
      session: this.session,
      onboarding: Boolean(this.session?.isOnboarding),
      changed: () => this._changed(),
      submit: () => this.submit(),
      say: (text) => this._say(text),
      foot: (text, tone) => this._foot(text, tone),
      hideSubmit: (hidden) => {
        this.submitButton.hidden = hidden;
      },
    });
    this.foot.hidden = false;
    this._foot("");
  }

  _preview() {
    this._show(this.config.preview_data || {}, null, true);
    this.control.lock?.(true);
    this.submitButton.disabled = true;
    this._banner("info", "This is a preview. Nothing can be sent from here; begin with Start on your welcome page.", null);
    this.banner.firstChild.replaceWith(icon("eye"));
  }

  // --- what the requester's program says

  _status(status) {
    if (this.isSending || !this.session?.token) {
      return;
    }
    if (status === "waiting") {
      this._cover("people", "info", "Waiting for the others", "It begins as soon as everybody is here. Keep this page open.");
    } else if (WORKING.has(status)) {
      this._uncover();
    } else if (DONE.has(status)) {
      this._sent();
    } else if (ENDED[status]) {
      this.session.close();
      this._stopClock();
      this._state("stop", "warn", ...ENDED[status], [this._overviewLink(true)]);
    }
  }

  _connection(state) {
    if (this.isSending) {
      return;
    }
    if (state === "lost") {
      const text = "The connection is lost. Go on: your answers are kept on this device. This page connects again by itself.";
      this._banner("warn", text, null);
    } else if (state === "away") {
      const text = "The requester's program is away at the moment. Go on: your answers are kept, and nothing is lost.";
      this._banner("warn", text, null);
    } else {
      this._banner("", "", null);
    }
  }

  /** The server does not know this agent any more: ask with the same visit what became of it. */
  async _gone() {
    this._timesGone += 1;
    try {
      if (this._timesGone > 1) {
        await this.session.patience.wait(pauseSeconds(this._timesGone, null));
      }
      await this.session.register(this._waiting());
      this._status(this.session.status);
    } catch (error) {
      this._saveNow();
      this._refused(error);
    }
  }

  // --- drafts

  _changed() {
    this._foot("");
    clearTimeout(this._saveTimer);
    this._saveTimer = setTimeout(() => this._saveNow(), 300);
  }

  _saveNow(sending) {
    clearTimeout(this._saveTimer);
    if (!this.session?.token || !this.control || this.isPreview || (this.isSending && !sending)) {
      return;
    }
    const saved = this.session.saveDraft({
      answers: this.control.draft(),
      startedAt: this._startedAt,
      ...(sending ? { sending } : {}),
    });
    if (!saved) {
      this._foot("This browser keeps nothing on the device. Please do not close the page before you submit.");
    }
  }

  // --- handing in

  async submit() {
    if (this.isSending || this.isPreview || !this.control) {
      return;
    }
    const answer = this.control.collect();
    if (answer === null) {
      return;
    }
    await this._send(answer);
  }

  async _send(answer) {
    const files = answer.files || [];
    this._saveNow(files.length ? undefined : { data: answer.data });
    this.isSending = true;
    this._lock(true);
    this._foot(files.length ? "Sending your answers and files…" : "Sending…");
    try {
      if (this.session.isOnboarding) {
        await this._sendOnboarding(answer);
        return;
      }
      await this.session.submit(answer.data, files, this._waiting("Your answers are not sent yet."));
    } catch (error) {
      this._notTaken(error);
      return;
    }
    this._sent();
  }

  async _sendOnboarding(answer) {
    const { draftName } = this.session;
    await this.session.submitOnboarding(answer.data, this._waiting("Your answers are not sent yet."));
    forget(draftName);
    this.isSending = false;
    this._lock(false);
    this._banner("", "", null);
    this._arrived();
  }

  _notTaken(error) {
    this.isSending = false;
    this._lock(false);
    this._banner("", "", null);
    this._saveNow();
    const isDead = error instanceof Refusal && (error.status === 404 || error.status === 200);
    if (isDead) {
      this._refused(error);
      return;
    }
    this._foot(error.message, "bad");
    this.alert.textContent = error.message;
    this.control.focus?.();
    if (!(error instanceof Refusal)) {
      throw error;
    }
  }

  _sent() {
    const { session } = this;
    session.dropDraft();
    session.close();
    const receipt = { reference: session.reference, at: Date.now() };
    keep(`receipt.${this.visit}`, receipt);
    if (kept(`visit.${this.worker}`) === this.visit) {
      forget(`visit.${this.worker}`);
    }
    this.isSending = false;
    this._receipt(receipt);
    // The wrapper of the provider may want to know; ours for in-house would leave the page, the receipt stays instead.
    if (getAgentRegistration().provider_type !== "inhouse") {
      handleSubmitToProvider(session.data);
    }
  }

  async _receipt(receipt) {
    this._stopClock();
    this._banner("", "", null);
    const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(receipt.at);
    const another = make(
      "button",
      { class: "cd-button cd-first cd-large", type: "button", hidden: true, onclick: () => this._another() },
      "Take another",
    );
    const facts = make(
      "dl",
      { class: "cd-rows" },
      fact("Reference number", make("span", { class: "cd-code" }, receipt.reference)),
      fact("Received", time),
    );
    const note = make("p", {}, "The requester has your work. You can close this page, or go on.");
    this._state("check", "ok", "Sent and saved", "", [another, this._overviewLink(false)], [note, facts]);
    this._say(`Sent and saved. Your reference number is ${receipt.reference}.`);
    try {
      const state = await request("GET", `/worker_state?worker_id=${encodeURIComponent(this.worker)}`);
      if (state.pay) {
        facts.append(fact("Pays when approved", money(state.pay, state.currency)));
      }
      if (state.can_take) {
        another.hidden = false;
        another.focus();
      } else if (state.refusal) {
        note.textContent = `The requester has your work. ${state.refusal}`;
      }
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Unreachable)) {
        throw error;
      }
      another.hidden = false;
    }
  }

  _another() {
    const url = new URL(location.href);
    const visit = newVisit();
    const name = [...url.searchParams.keys()].find((key) => url.searchParams.get(key) === this.visit) || "id";
    url.searchParams.set(name, visit);
    keep(`visit.${this.worker}`, visit);
    location.assign(url);
  }

  // --- giving back

  _askToReturn() {
    const dialog = make(
      "dialog",
      { class: "cd-dialog", "aria-labelledby": "cd-return-title" },
      make("h2", { id: "cd-return-title" }, "Give this unit back?"),
      make("p", {}, "Somebody else can then do it. What you have filled in here is thrown away, and nothing is paid for it."),
    );
    const close = () => dialog.close();
    dialog.append(
      make(
        "div",
        { class: "cd-actions" },
        make("button", { class: "cd-button", type: "button", onclick: close, autofocus: true }, "Keep it"),
        make("button", { class: "cd-button cd-first", type: "button", onclick: () => this._giveBack(dialog) }, "Give it back"),
      ),
    );
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  async _giveBack(dialog) {
    dialog.close();
    this.isSending = true;
    this._lock(true);
    try {
      await this.session.giveBack(this._waiting());
    } catch (error) {
      this._notTaken(error);
      return;
    }
    this.isSending = false;
    this.session.dropDraft();
    forget(`visit.${this.worker}`);
    this._stopClock();
    this._banner("", "", null);
    this._state("door", "info", ...ENDED.returned, [this._overviewLink(true)]);
  }

  // --- states

  _waiting(prefix = "") {
    return (error, seconds) => {
      const isAway = error instanceof Refusal && error.code === "desktop_away";
      let text = "There is no connection to the server.";
      if (isAway) {
        text = "The requester's program is away at the moment.";
      } else if (error instanceof Refusal) {
        text = error.message;
      }
      const again = seconds > 0 ? ` Trying again in ${seconds} s.` : " Trying again now.";
      const kept = this.control ? " Your answers are kept." : "";
      this._banner("warn", `${prefix} ${text}${kept}${again}`.trim(), () => this.session.patience.now());
    };
  }

  _refused(error) {
    if (!(error instanceof Refusal)) {
      throw error;
    }
    this._stopClock();
    this._banner("", "", null);
    const { symbol, tone, title, again } = REFUSALS[error.code] || REFUSED;
    const isFinal = tone === "ok";
    const button = make(
      "button",
      { class: "cd-button", type: "button", onclick: () => (again ? this.session.patience.now() : location.reload()) },
      "Try again",
    );
    const note = again ? make("p", { class: "cd-note" }) : null;
    const actions = [this._overviewLink(true), isFinal ? null : button];
    this._state(symbol, tone || "warn", title, error.message, actions, [note]);
    if (again) {
      this._askAgain(note);
    }
  }

  async _askAgain(note) {
    await this.session.patience.wait(ASK_AGAIN_SECONDS, (seconds) => {
      note.textContent = seconds > 0 ? `This page asks again in ${seconds} s.` : "Asking again.";
    });
    await this._begin();
  }

  _state(symbol, tone, title, text, actions = [], more = []) {
    this.control = null;
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
    this._say(`${title}. ${text}`);
    this.main.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  /** Hide the work behind a message, without throwing away what is filled in. */
  _cover(symbol, tone, title, text) {
    this._uncover();
    this.cover = make(
      "section",
      { class: "cd-state" },
      make("div", { class: "cd-emblem", "data-tone": tone }, icon(symbol)),
      make("h2", {}, title),
      make("p", {}, text),
    );
    for (const child of this.main.children) {
      child.hidden = true;
    }
    this.main.append(this.cover);
    this.foot.hidden = true;
    this._say(`${title}. ${text}`);
  }

  _uncover() {
    if (this.cover) {
      this.cover.remove();
      this.cover = null;
      for (const child of this.main.children) {
        child.hidden = false;
      }
      this.foot.hidden = false;
      this._say("It begins.");
    }
  }

  _overviewLink(isFirst) {
    const hasOverview = getAgentRegistration().provider_type === "inhouse";
    if (!hasOverview) {
      return null;
    }
    return make("a", { class: `cd-button${isFirst ? " cd-first" : " cd-large"}`, href: "/welcome" }, "Go to the overview");
  }

  _lock(locked) {
    this.control?.lock?.(locked);
    this.submitButton.disabled = locked;
    this.backButton.disabled = locked;
    this.main.toggleAttribute("aria-busy", locked);
  }

  _banner(tone, text, tryNow) {
    const isNew = this.bannerText.dataset.tone !== tone + (tryNow ? "!" : "");
    this.bannerText.dataset.tone = tone + (tryNow ? "!" : "");
    this.banner.hidden = !text;
    this.banner.dataset.tone = tone;
    this.bannerText.textContent = text;
    this.bannerButton.hidden = !tryNow;
    this.bannerButton.onclick = tryNow;
    if (isNew && text) {
      this._say(text);
    }
  }

  _foot(text, tone = "") {
    this.footStatus.textContent = text;
    this.footStatus.dataset.tone = tone;
  }

  _say(text) {
    this.live.textContent = text;
  }

  // --- time

  _startClock(draft) {
    this._startedAt = draft?.startedAt ?? Date.now();
    const whole = this.config.assignment_duration_in_seconds;
    let end = null;
    if (this.session.secondsLeft !== null) {
      end = Date.now() + this.session.secondsLeft * 1000;
    } else if (whole) {
      end = this._startedAt + whole * 1000;
    }
    this._stopClock();
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
          this._say(`About ${minutes} minute${minutes > 1 ? "s" : ""} left.`);
        }
      }
    }
  }

  _stopClock() {
    clearInterval(this._clock);
    this.timeLeft.hidden = true;
  }
}

function fact(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value));
}
