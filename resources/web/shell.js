/* What every task page does: register, draft, submit, receipt, give back. How it looks is in frame.js. */

import { clockText, icon, make, money } from "./dom.js";
import { Frame } from "./frame.js";
import { forget, keep, kept, newVisit, tidy } from "./keep.js";
import { Refusal, Unreachable, pauseSeconds, persist, request } from "./net.js";
import { Session, reportErrors } from "./session.js";
import { ENDED, ENDED_INTRODUCTION, REFUSALS, REFUSED } from "./words.js";

const WORKING = new Set(["", "none", "accepted", "in task", "onboarding"]);

const ASK_AGAIN_SECONDS = 20;
const DONE = new Set(["completed", "approved", "soft_rejected", "rejected"]);

/**
 * Run a task page. `task.show({root, data, config, draft, preview, changed, submit})` fills `root` and returns
 * `{collect(), draft(), lock(locked), focus(), note}`; `collect()` gives `{data, files}`, or null when something is
 * missing and was pointed at; `note` says what a draft could not bring back; `submitText` is what the button says.
 * `task.wide` and `task.full` make the page use the whole window; one that `hears` shows the requester's messages itself.
 */
export async function runTask(task) {
  const page = new TaskPage(task);
  await page.run();
}

class TaskPage {
  constructor(task) {
    this.task = task;
    this.config = {};
    this.frame = new Frame({ submit: () => this.submit(), giveBack: () => this._askToReturn() });
    this.control = null;
    this.session = null;
    this.isSending = false;
    this.visit = getAssignmentId();
    this.worker = getWorkerName();
    this.isPreview = location.pathname === "/preview" || this.visit === null || this.worker === null;
    this._saveTimer = 0;
    this._timesGone = 0;
    this._messages = new Map(kept(`messages.${this.visit}`) ?? []); // by id; "" once it was read
    window.addEventListener("pagehide", () => this._saveNow());
    document.addEventListener("visibilitychange", () => document.hidden && this._saveNow());
    window.addEventListener("beforeunload", (event) => this.isSending && event.preventDefault());
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
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
    this.frame.setTitle(this.config.task_title || document.title);
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

  _patience() {
    if (!this.session) {
      this.session = new Session(getAgentRegistration());
      this.session.addEventListener("connection", (event) => this._connection(event.detail.state));
      this.session.addEventListener("status", (event) => this._status(event.detail.status, event.detail.reason));
      this.session.addEventListener("news", (event) => this._news(event.detail));
      this.session.addEventListener("unknown", () => this._gone());
      this.session.addEventListener("live", (event) => this._hear(event.detail));
    }
    return this.session.patience;
  }

  // --- from arrival to work

  async _begin() {
    this._state("spinner", "info", "One moment", "Your unit is being fetched.");
    try {
      this._patience();
      await this.session.register(this._waiting(), Boolean(kept(`unit.${this.visit}`)));
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
    if (!session.isOnboarding) {
      keep(`unit.${this.visit}`, session.reference); // a reload goes on with this unit, and takes no other
    }
    const draft = session.findDraft();
    this._startClock(draft);
    this._show(session.data, draft?.answers ?? null, false);
    this.frame.backButton.hidden = session.isOnboarding;
    if (draft?.sending) {
      this.frame.say("Your answers are being sent.");
      this._send(draft.sending);
    } else if (draft?.answers) {
      this.frame.setFoot(`Your answers from before are here again. ${this.control.note ?? ""}`);
    }
    for (const [id, text] of this._messages) {
      if (text) {
        this._showMessage(id, text);
      }
    }
    this._status(session.status);
  }

  _show(data, draft, preview) {
    this.frame.openWork(this.task);
    this.control = this.task.show({
      root: this.frame.main,
      data,
      draft,
      preview,
      config: this.config,
      session: this.session,
      onboarding: Boolean(this.session?.isOnboarding),
      changed: () => this._changed(),
      submit: () => this.submit(),
      say: (text) => this.frame.say(text),
      foot: (text, tone) => this.frame.setFoot(text, tone),
      hideSubmit: (hidden) => {
        this.frame.submitButton.hidden = hidden;
      },
    });
    this.frame.submitButton.textContent = this.control.submitText || "Submit";
  }

  _preview() {
    this._show(this.config.preview_data || {}, null, true);
    this.control.lock?.(true);
    this.frame.lock(true);
    this.frame.setBanner("info", "This is a preview. Nothing can be sent from here; begin with Start on your welcome page.");
    this.frame.banner.firstChild.replaceWith(icon("eye"));
  }

  // --- what the requester's program says

  _status(status, reason) {
    if (this.isSending || !this.session?.token) {
      return;
    }
    if (status === "waiting") {
      this.frame.coverWork("people", "info", "Waiting for the others", "It begins as soon as everybody is here. Keep this page open.");
    } else if (WORKING.has(status)) {
      this.frame.uncoverWork();
    } else if (DONE.has(status)) {
      if (!this.session.isOnboarding) {
        this._sent(); // an introduction that is done is no work that is done: its verdict was the answer
      }
    } else if (ENDED[status]) {
      if (status === "disconnect" && !this.session.isOnboarding && this.control) {
        this._comeBack(reason);
        return;
      }
      this._end(status, reason);
    }
  }

  _end(status, reason) {
    const words = (this.session.isOnboarding && ENDED_INTRODUCTION[status]) || ENDED[status];
    this.session.close();
    this.frame.stopClock();
    this._state("stop", "warn", words[0], reason || words[1], [this._overviewLink(true)]);
  }

  /** A place in the waiting room, or the seat of somebody who left: with it come other data. */
  async _news({ waiting_room: room, moved }) {
    if (room && this.session.status === "waiting") {
      this.frame.coverWork("people", "info", "Waiting for the others", "", this._place(room));
    }
    if (moved) {
      await this.session.register(this._waiting());
      this._arrived();
    }
  }

  _place({ position, of, missing, seconds_left: seconds }) {
    const people = missing === 1 ? "one more person is" : `${missing} more people are`;
    const needed = missing > 0 ? ` For your group ${people} needed.` : "";
    const end = Date.now() + seconds * 1000;
    return () =>
      `You are number ${position} of ${of} waiting.${needed} It begins as soon as everybody is here. ` +
      `You wait ${clockText((end - Date.now()) / 1000)} at most; keep this page open.`;
  }

  /** The requester wrote to this worker. It is shown until it was read, also after a reload. */
  _hear(update) {
    const id = update.update_id;
    if (this.task.hears || !update.task_data?.requester_message || typeof update.text !== "string" || this._messages.has(id)) {
      return;
    }
    this._messages.set(id, update.text);
    this._keepMessages();
    this._showMessage(id, update.text);
  }

  _showMessage(id, text) {
    this.frame.showMessage(text, () => {
      this._messages.set(id, "");
      this._keepMessages();
    });
  }

  _keepMessages() {
    keep(`messages.${this.visit}`, [...this._messages]);
  }

  _connection(state) {
    if (this.isSending) {
      return;
    }
    if (state === "lost") {
      const text = "The connection is lost. Go on: your answers are kept on this device. This page connects again by itself.";
      this.frame.setBanner("warn", text);
    } else if (state === "flood") {
      const text = "This page said too much at once, so it was slowed down. It goes on by itself in a moment.";
      this.frame.setBanner("warn", text);
    } else if (state === "away") {
      const text = "The requester's program is away at the moment. Go on: your answers are kept, and nothing is lost.";
      this.frame.setBanner("warn", text);
    } else {
      this.frame.setBanner("", "");
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

  /** The worker was away for too long, and is here now: the unit is theirs again where nobody else has it. */
  async _comeBack(reason) {
    this._saveNow();
    const { token } = this.session;
    this.frame.setBanner("warn", "You were away for a while. Asking whether the unit is still yours.");
    try {
      await this.session.register(this._waiting(), true);
    } catch (error) {
      if (error instanceof Refusal && error.code === "unit_gone") {
        this._end("disconnect", reason || error.message);
      } else {
        this._refused(error);
      }
      return;
    }
    this.frame.setBanner("", "");
    if (this.session.token !== token) {
      this._arrived();
      return;
    }
    this._startClock(this.session.findDraft());
    const text = "You were away for a while. The unit is still yours: go on.";
    this.frame.setFoot(text);
    this.frame.say(text);
  }

  // --- drafts

  _changed() {
    this.frame.setFoot("");
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
      this.frame.setFoot("This browser keeps nothing on the device. Please do not close the page before you submit.");
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
    this.frame.setFoot(files.length ? "Sending your answers and files…" : "Sending…");
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
    this.frame.setBanner("", "");
    this._arrived();
  }

  _notTaken(error) {
    this.isSending = false;
    this._lock(false);
    this.frame.setBanner("", "");
    this._saveNow();
    const isDead = error instanceof Refusal && (error.status === 404 || error.status === 200);
    if (isDead) {
      this._refused(error);
      return;
    }
    this.frame.setFoot(error.message, "bad");
    this.frame.alert.textContent = error.message;
    this.control.focus?.();
    if (!(error instanceof Refusal)) {
      throw error;
    }
  }

  _sent() {
    const { session } = this;
    session.dropDraft();
    session.close();
    this._handedIn({ reference: session.reference, at: Date.now() });
    // The wrapper of the provider may want to know; ours for in-house would leave the page, the receipt stays instead.
    if (getAgentRegistration().provider_type !== "inhouse") {
      handleSubmitToProvider(session.data);
    }
  }

  _handedIn(receipt) {
    keep(`receipt.${this.visit}`, receipt);
    if (kept(`visit.${this.worker}`) === this.visit) {
      forget(`visit.${this.worker}`);
    }
    this.isSending = false;
    this._receipt(receipt);
  }

  async _receipt(receipt) {
    this.frame.stopClock();
    this.frame.setBanner("", "");
    const style = { dateStyle: "medium", timeStyle: "short" };
    const time = receipt.at && new Intl.DateTimeFormat(undefined, style).format(receipt.at);
    const another = make(
      "button",
      { class: "cd-button cd-first cd-large", type: "button", hidden: true, onclick: () => this._another() },
      "Take another",
    );
    const facts = make(
      "dl",
      { class: "cd-rows" },
      fact("Reference number", make("span", { class: "cd-code" }, receipt.reference)),
      time ? fact("Received", time) : null,
    );
    const note = make("p", {}, "The requester has your work. You can close this page, or go on.");
    this._state("check", "ok", "Sent and saved", "", [another, this._overviewLink(false)], [note, facts]);
    this.frame.say(`Sent and saved. Your reference number is ${receipt.reference}.`);
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
    this.frame.stopClock();
    this.frame.setBanner("", "");
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
      this.frame.setBanner("warn", `${prefix} ${text}${kept}${again}`.trim(), () => this.session.patience.now());
    };
  }

  _refused(error) {
    this.frame.stopClock();
    this.frame.setBanner("", "");
    const reference = kept(`unit.${this.visit}`);
    if (error.code === "already_done" && reference) {
      this._handedIn({ reference, at: null });
      return;
    }
    if (!(error instanceof Refusal)) {
      this._refused(new Refusal(0, "broken", "The page met a fault. It was reported; please load the page again."));
      throw error;
    }
    const { symbol, tone, title, again } = REFUSALS[error.code] || REFUSED;
    const isFinal = tone === "ok";
    const button = make(
      "button",
      { class: "cd-button", type: "button", onclick: () => (again ? this.session.patience.now() : location.reload()) },
      "Try again",
    );
    const note = again ? make("p", { class: "cd-note" }) : null;
    const another = make("button", { class: "cd-button", type: "button", onclick: () => this._another() }, "Take another");
    const actions = [this._overviewLink(true), error.code === "unit_gone" ? another : isFinal ? null : button];
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
    this.frame.showState(symbol, tone, title, text, actions, more);
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
    this.frame.lock(locked);
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
    this.frame.startClock(end);
  }

}

function fact(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value));
}
