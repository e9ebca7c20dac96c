/* The page of a conversation: what was said, whose turn it is, what may be said now. How it looks is in chat_view.js. */

import { ChatView } from "./chat_view.js";
import { keep, kept } from "./keep.js";
import { request } from "./net.js";
import { runTask } from "./shell.js";

const ASK_AGAIN = 5000;
const TYPING_LASTS = 6000;
const TYPING_PAUSE = 3000;
const SOUND = "chat.sound";

runTask({
  full: true,
  hears: true,
  show: (task) => new Conversation(task),
});

class Conversation {
  constructor({ root, data, draft, preview, config, session, changed, say, foot, hideSubmit }) {
    this.given = data.task_data || {};
    this.talk = this.given.talk || {};
    this.config = config;
    this.session = session;
    this.isPreview = preview;
    this.changed = changed;
    this.foot = foot;
    this.hideSubmit = hideSubmit;
    this.submitText = "Hand in";
    this.seen = new Set();
    this.unheard = new Map(); // what was said and is not known to be kept: update_id -> {content, asked, line}
    this.isOver = false;
    this.isLocked = false;
    this.mayWrite = !this.talk.turns;
    this.written = 0;
    this.wants = new Set();
    this.answers = draft?.answers || [];
    this.view = new ChatView(root, this.given, config, {
      send: (text) => this._sendText(text),
      answer: (answers) => this._sendAnswers(answers),
      end: (wants) => this._sayWish(wants),
      typing: () => this._sayTyping(),
      changed,
      sound: (on) => keep(SOUND, on),
      say,
    });
    this.view.setSound(Boolean(kept(SOUND)));
    this.view.setDraft(draft || {});
    for (const update of data.past_live_updates || []) {
      this._hear(update, false);
    }
    this._sayAgain(draft?.unheard || []);
    this._show();
    hideSubmit(!this.isOver);
    if (session && !preview) {
      this._listen();
    }
    this.view.showLast();
  }

  // --- what the page asks

  collect() {
    if (!this.isOver) {
      this.foot("The conversation is not over yet.", "bad");
      return null;
    }
    return { data: { comment: this.view.comment(), answers: this.answers } };
  }

  draft() {
    const unheard = [...this.unheard.values()].map(({ content }) => content);
    return { ...this.view.draft(), answers: this.answers, unheard };
  }

  lock(locked) {
    this.isLocked = locked;
    this._show();
  }

  focus() {
    this.view.focus();
  }

  // --- what comes

  _listen() {
    const { session } = this;
    const until = new AbortController();
    const on = (name, hear) =>
      session.addEventListener(name, (event) => (this.view.isShown() ? hear(event.detail) : until.abort()), {
        signal: until.signal,
      });
    on("live", (update) => this._hear(update, true));
    on("news", (news) => this._learn(news));
    on("connection", ({ state }) => state === "open" && this._askAgain(0));
    const timer = setInterval(() => (this.view.isShown() ? this._askAgain(ASK_AGAIN) : clearInterval(timer)), 1000);
  }

  /** One update: of the others, of the task, or (out of the past) this page's own. */
  _hear(update, isNew) {
    const id = update.update_id;
    if (!id || this.seen.has(id)) {
      return;
    }
    this.seen.add(id);
    this._kept(id);
    const data = update.task_data || {};
    const isMine = update.id === this.session?.token;
    if (isMine) {
      this._recallOwn(update, data);
      return;
    }
    if (update.text) {
      this._showLine(update, data, isNew);
    }
    if (typeof data.live_update_requested === "boolean") {
      this._setTurn(data.live_update_requested, isNew);
    }
    if (typeof data.ends_at === "number") {
      this._countTo(data.ends_at);
    }
    if (typeof data.wants_to_end === "boolean") {
      this._wish(data.name, data.wants_to_end, isNew);
    }
    if ("respond_with_form" in data) {
      this.view.askForm(data.respond_with_form);
    }
    if (data.task_done === true) {
      this._over();
    }
    this._show();
  }

  _showLine(update, data, isNew) {
    const who = data.requester_message ? "requester" : data.notice || !update.id ? "notice" : data.model ? "model" : "other";
    const name = data.former ? `${update.id} (before you)` : update.id || "";
    this.view.addLine({ who, name, text: update.text, answers: data.form_responses, at: update.timestamp });
    this.wants.delete(update.id);
    this.view.showTyping("");
    if (isNew && who !== "notice") {
      this.view.alert();
    }
  }

  /** What this page said before it was loaded again. */
  _recallOwn(update, data) {
    if (data.form_responses) {
      this._answered(data.form_responses);
    } else if (update.text) {
      this.view.addLine({ who: "me", name: "You", text: update.text, at: update.timestamp });
      this._wrote();
    } else if (typeof data.wants_to_end === "boolean") {
      this.view.setWish(data.wants_to_end);
    }
  }

  _wrote() {
    this.written += 1;
    this.view.setWish(false);
    if (this.talk.turns) {
      this.mayWrite = false;
    }
  }

  _setTurn(isMine, isNew) {
    const wasMine = this.mayWrite;
    this.mayWrite = isMine;
    if (isNew && isMine && !wasMine && this.talk.turns) {
      this.view.tell("It is your turn.");
      this.view.alert();
    }
  }

  _wish(name, wants, isNew) {
    if (wants) {
      this.wants.add(name);
    } else {
      this.wants.delete(name);
    }
    if (isNew && wants) {
      this.view.tell(`${name} would like to end the conversation.`);
    }
  }

  _learn({ heard, typing, partner }) {
    if (heard) {
      this._kept(heard);
    }
    if (typing) {
      this.view.showTyping(typing.writes ? typing.name : "", TYPING_LASTS);
    }
    if (partner) {
      this.view.showPartner(partner);
    }
  }

  _over() {
    this.isOver = true;
    this.view.showOver(this.config.comment !== false);
    this.hideSubmit(false);
  }

  // --- what is said

  _sendText(text) {
    const content = { text, id: this.session?.token ?? "", task_data: {} };
    const line = this.view.addLine({ who: "me", name: "You", text, isSending: true });
    this._wrote();
    this._say(content, line);
    this._show();
  }

  _sendAnswers(answers) {
    const text = answers.map(({ question, response }) => `${question}: ${response}`).join("\n");
    this._answered(answers);
    this._say({ text, id: this.session?.token ?? "", task_data: { form_responses: answers } }, null);
    this._show();
  }

  _answered(answers) {
    this.answers = [...this.answers.filter((one) => !answers.some((two) => two.question === one.question)), ...answers];
    this.view.addLine({ who: "me", name: "You", answers });
    this.view.askForm(null);
  }

  _sayWish(wants) {
    this._say({ text: "", id: this.session?.token ?? "", task_data: { wants_to_end: wants } }, null);
    this._show();
  }

  /** Say it until it is known to be on the requester's disk; the program takes each once, by its id. */
  _say(content, line) {
    const update_id = [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");
    const said = { ...content, update_id, timestamp: Date.now(), receipt: true };
    this.seen.add(update_id);
    this.unheard.set(update_id, { content: said, asked: Date.now(), line });
    this.changed();
    if (!this.isPreview) {
      this.session.say(said);
    }
  }

  _kept(id) {
    const waiting = this.unheard.get(id);
    if (waiting) {
      this.unheard.delete(id);
      this.view.setSent(waiting.line);
      this.changed();
    }
  }

  _askAgain(age) {
    for (const waiting of this.unheard.values()) {
      if (Date.now() - waiting.asked >= age) {
        waiting.asked = Date.now();
        this.session.say(waiting.content);
      }
    }
  }

  /** After a reload: what was said before it, and is not in the history. */
  _sayAgain(contents) {
    for (const content of contents) {
      if (!this.seen.has(content.update_id)) {
        const said = { ...content, id: this.session.token };
        const isText = content.text && !content.task_data?.form_responses;
        const line = isText ? this.view.addLine({ who: "me", name: "You", text: content.text, isSending: true }) : null;
        if (isText) {
          this._wrote();
        }
        this.seen.add(content.update_id);
        this.unheard.set(content.update_id, { content: said, asked: Date.now(), line });
        this.session.say(said);
      }
    }
  }

  _sayTyping() {
    if (this.config.typing === false || this.isPreview || Date.now() - (this.typedAt || 0) < TYPING_PAUSE) {
      return;
    }
    this.typedAt = Date.now();
    this.session.say({ typing: true });
  }

  // --- time and turns

  /** The end by the requester's clock: this device's may be wrong. */
  async _countTo(end) {
    let skew = 0;
    try {
      skew = (await request("GET", "/get_timestamp")).timestamp - Date.now();
    } catch {
      skew = 0; // the time that is shown may be a little wrong; the end itself is not this page's to say
    }
    this.view.countTo(end - skew);
  }

  _show() {
    const least = this.talk.min_messages || 0;
    this.view.update({
      isLocked: this.isLocked || this.isOver,
      isOver: this.isOver,
      mayWrite: this.mayWrite,
      hasTurns: Boolean(this.talk.turns),
      mayEnd: Boolean(this.talk.by_agreement) && this.written >= least,
      missing: Math.max(0, least - this.written),
      wants: [...this.wants],
    });
  }
}
