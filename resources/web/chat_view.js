/* How a conversation looks: people, lines, what may be written. It knows nothing of what is sent. */

import { clockText, make, paragraphs } from "./dom.js";

/** `act`: `{send(text), answer(answers), end(wants), typing(), changed(), sound(on), say(text)}`. */
export class ChatView {
  constructor(root, given, config, act) {
    this.act = act;
    this.config = config;
    this.given = given;
    this.title = document.title;
    this._count = 0;
    this._form = null;
    this._unread = 0;
    this._ends = null;
    this._away = new Map();
    this._build(root);
    document.addEventListener("visibilitychange", () => !document.hidden && this._setUnread(0));
    const ticking = setInterval(() => (this.isShown() ? this._tick() : clearInterval(ticking)), 1000);
  }

  isShown() {
    return this.work.isConnected;
  }

  // --- building

  _build(root) {
    this.log = make("div", {
      class: "ch-log",
      role: "log",
      "aria-live": "polite",
      "aria-label": "Conversation",
      tabindex: "0",
    });
    this.turn = make("p", { class: "ch-turn", role: "status" });
    this.time = make("span", { class: "ch-time", hidden: true });
    this.sound = make("input", { type: "checkbox", id: "ch-sound", onchange: () => this.act.sound(this.sound.checked) });
    this.partner = make("p", { class: "ch-turn", role: "status", hidden: true });
    this.typingLine = make("p", { class: "ch-typing", "aria-hidden": "true" });
    this.write = make("div", { class: "ch-write" });
    const bar = make(
      "div",
      { class: "ch-bar" },
      this.turn,
      this.partner,
      this.time,
      make("label", { for: "ch-sound" }, this.sound, "Sound"),
    );
    const talk = make("section", { class: "ch-talk", "aria-label": "Conversation" }, bar, this.log, this.typingLine, this.write);
    this.work = make("div", { class: "ch-work" }, this._side(), talk);
    root.append(this.work);
    this._buildText();
    this.write.replaceChildren(this.textForm);
  }

  _side() {
    const { given } = this;
    const isSmall = window.matchMedia("(max-width: 760px)").matches;
    const parts = [make("h2", {}, "People"), this._people()];
    if (given.role_instructions) {
      parts.push(make("h2", {}, "For you"), ...paragraphs(given.role_instructions));
    }
    if (given.instructions) {
      parts.push(make("h2", {}, "What to do"), ...paragraphs(given.instructions));
    }
    if (!isSmall) {
      return make("aside", { class: "ch-side", "aria-label": "Instructions", tabindex: "0" }, ...parts);
    }
    this.fold = make("details", { open: true }, make("summary", {}, "Instructions"), ...parts);
    return make("aside", { class: "ch-side", "aria-label": "Instructions" }, this.fold);
  }

  _people() {
    const seats = Array.isArray(this.given.seats) ? this.given.seats : [];
    const people = seats.map((seat, place) => {
      const notes = [place === this.given.seat ? "you" : "", seat.model ? "a program" : ""].filter(Boolean);
      return make("li", {}, notes.length ? `${seat.name} (${notes.join(", ")})` : seat.name);
    });
    return make("ul", { class: "ch-people" }, ...people);
  }

  _buildText() {
    const { act } = this;
    this.text = make("textarea", {
      class: "cd-field ch-text",
      id: "ch-text",
      rows: "1",
      maxlength: this.config.longest_message || 2000,
      "aria-describedby": "ch-hint",
      oninput: () => {
        this._grow();
        act.typing();
        act.changed();
      },
      onkeydown: (event) => {
        if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
          event.preventDefault();
          this._send();
        }
      },
    });
    this.sendButton = make("button", { class: "cd-button cd-first", type: "submit" }, "Send");
    this.endButton = make(
      "button",
      { class: "cd-button ch-end", type: "button", "aria-pressed": "false", onclick: () => this._toggleEnd() },
      "I am ready to end",
    );
    this.hint = make("p", { class: "cd-quiet", id: "ch-hint" }, "Enter sends, Shift and Enter begins a new line.");
    const label = make("label", { class: "cd-quiet", for: "ch-text" }, "Your message");
    this.textForm = make(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          this._send();
        },
      },
      label,
      this.text,
      this.sendButton,
      this.endButton,
      this.hint,
    );
  }

  // --- what the conversation shows

  setSound(on) {
    this.sound.checked = on;
  }

  setDraft({ text = "", comment = "" }) {
    this.text.value = text;
    this._comment = comment;
    this._grow();
  }

  draft() {
    return { text: this.text.value, comment: this.comment() };
  }

  comment() {
    return this.commentField ? this.commentField.value : this._comment || "";
  }

  /** A line of the conversation; returns it, for `setSent`. */
  addLine({ who, name, text = "", answers = null, isSending = false, at = null }) {
    const isAtEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 80;
    const mark = make("span", {}, isSending ? " · sending" : "");
    const time = typeof at === "number" ? new Intl.DateTimeFormat(undefined, { timeStyle: "short" }).format(at) : "";
    const head = who === "notice" ? null : make("p", { class: "ch-who" }, time ? `${name} · ${time}` : name, mark);
    const body = answers?.length ? answerList(answers) : make("p", {}, text);
    const line = make("div", { class: "ch-line", "data-who": who }, head, body);
    line.sendingMark = mark;
    this.log.append(line);
    if (isAtEnd || who === "me") {
      this.showLast();
    }
    return line;
  }

  setSent(line) {
    if (line) {
      line.sendingMark.textContent = "";
    }
  }

  showLast() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  showTyping(name, milliseconds = 0) {
    clearTimeout(this._typing);
    this.typingLine.textContent = name ? `${name} is writing…` : "";
    if (name) {
      this._typing = setTimeout(() => this.showTyping(""), milliseconds);
    }
  }

  /** Somebody else lost the connection, left, or is there again. */
  showPartner({ name, seat, is, seconds = 0 }) {
    if (is === "back") {
      this._away.delete(seat);
      this.tell(`${name} is here again.`);
    } else {
      this._away.set(seat, { name, is, end: Date.now() + seconds * 1000 });
    }
    this._tick();
  }

  countTo(end) {
    this._ends = end;
    this._tick();
  }

  /** Tell a screen reader. */
  tell(text) {
    this.act.say(text);
  }

  /** Something came: a sound if it is wanted, and the number in the title while the page is not looked at. */
  alert() {
    if (document.hidden) {
      this._setUnread(this._unread + 1);
    }
    if (this.sound.checked) {
      beep();
    }
  }

  /** A form in place of the text, or none. */
  askForm(questions) {
    if (!Array.isArray(questions) || !questions.length) {
      if (this._form) {
        this._form = null;
        this.write.replaceChildren(this.textForm);
      }
      return;
    }
    this._makeRoom();
    this._form = new InnerForm(questions, (answers) => this.act.answer(answers));
    this.write.replaceChildren(this._form.element);
    this.showLast();
  }

  showOver(withComment) {
    const words = make("p", { role: "status" }, "The conversation is over. Please hand it in.");
    this._form = null;
    if (!withComment) {
      this.write.replaceChildren(make("div", { class: "ch-over" }, words));
      return;
    }
    this.commentField = make("textarea", {
      class: "cd-field",
      id: "ch-comment",
      rows: "2",
      maxlength: "5000",
      oninput: () => this.act.changed(),
    });
    this.commentField.value = this._comment || "";
    const label = make("label", { class: "cd-label", for: "ch-comment" }, "A comment for the requester, if you like");
    this.write.replaceChildren(make("div", { class: "ch-over" }, words, label, this.commentField));
  }

  setWish(wants) {
    this.endButton.setAttribute("aria-pressed", String(wants));
  }

  /** Where the conversation stands: what may be done now. */
  update({ isLocked, isOver, mayWrite, hasTurns, mayEnd, missing, wants }) {
    const isMine = mayWrite && !isOver;
    this.text.disabled = isLocked;
    this.sendButton.disabled = isLocked || !isMine;
    this.endButton.hidden = !mayEnd && missing === 0;
    this.endButton.disabled = isLocked || !mayEnd;
    this.endButton.title = missing ? `After ${missing} more of your messages` : "";
    if (this.commentField) {
      this.commentField.disabled = false;
    }
    this._form?.lock(isLocked);
    let words = "";
    if (isOver) {
      this._away.clear();
      this._ends = null;
      words = "Over";
    } else if (wants.length) {
      words = `${wants.join(" and ")} would like to end`;
    } else if (hasTurns) {
      words = isMine ? "It is your turn" : "Somebody else's turn";
    }
    if (this.turn.textContent !== words) {
      this.turn.textContent = words;
    }
    this.turn.dataset.mine = String(isMine && hasTurns);
  }

  focus() {
    (this._form ? this._form.element.querySelector("input, textarea") : this.text)?.focus();
  }

  // --- how

  _send() {
    const text = this.text.value.trim();
    if (text && !this.sendButton.disabled) {
      this.text.value = "";
      this._grow();
      this._makeRoom();
      this.act.send(text);
      this.text.focus();
    }
  }

  /** On a phone the instructions fold away once they were read. */
  _makeRoom() {
    this.fold?.removeAttribute("open");
  }

  _toggleEnd() {
    const wants = this.endButton.getAttribute("aria-pressed") !== "true";
    this.setWish(wants);
    this.act.end(wants);
  }

  _grow() {
    this.text.style.height = "auto";
    this.text.style.height = `${this.text.scrollHeight + 2}px`;
  }

  _tick() {
    const left = this._ends === null ? null : (this._ends - Date.now()) / 1000;
    this.time.hidden = left === null;
    this.time.textContent = left === null ? "" : `${clockText(left)} left`;
    const [first] = this._away.values();
    this.partner.hidden = !first;
    if (!first) {
      this.partner.textContent = "";
      this.partner.dataset.name = "";
    } else {
      const seconds = Math.max(0, (first.end - Date.now()) / 1000);
      const what = first.is === "left" ? "has left; somebody else may come" : "lost the connection";
      const words = `${first.name} ${what}: ${clockText(seconds)}`;
      if (this.partner.dataset.name !== first.name + first.is) {
        this.partner.dataset.name = first.name + first.is;
        this.tell(`${first.name} ${what}.`);
      }
      this.partner.setAttribute("aria-live", "off");
      this.partner.textContent = words;
    }
  }

  _setUnread(number) {
    this._unread = number;
    document.title = number ? `(${number}) ${this.title}` : this.title;
  }
}

/** A form inside the conversation: every question has to be answered. */
class InnerForm {
  constructor(questions, answer) {
    this.questions = questions.filter((one) => one && typeof one.question === "string");
    this.fault = make("p", { class: "cd-fault", role: "alert" });
    this.fields = this.questions.map((one, place) => this._field(one, place));
    this.element = make(
      "form",
      {
        class: "ch-form",
        novalidate: true,
        onsubmit: (event) => {
          event.preventDefault();
          this._answer(answer);
        },
      },
      ...this.fields,
      this.fault,
      make("div", {}, make("button", { class: "cd-button cd-first", type: "submit" }, "Send answers")),
    );
  }

  lock(locked) {
    for (const field of this.element.elements) {
      field.disabled = locked;
    }
  }

  _field({ question, choices }, place) {
    if (!Array.isArray(choices) || !choices.length) {
      const id = `ch-question-${place}`;
      const input = make("textarea", { class: "cd-field", id, name: id, rows: "2", maxlength: "2000" });
      return make("div", {}, make("label", { class: "cd-label", for: id }, question), input);
    }
    const options = choices.map((choice) =>
      make(
        "label",
        { class: "ch-choice" },
        make("input", { type: "radio", name: `ch-question-${place}`, value: String(choice) }),
        String(choice),
      ),
    );
    return make("fieldset", {}, make("legend", {}, question), ...options);
  }

  _answer(answer) {
    const values = new FormData(this.element);
    const answers = this.questions.map(({ question }, place) => ({
      question,
      response: String(values.get(`ch-question-${place}`) ?? "").trim(),
    }));
    const missing = answers.findIndex(({ response }) => !response);
    if (missing >= 0) {
      this.fault.textContent = `Please answer: ${answers[missing].question}`;
      this.fields[missing].querySelector("input, textarea").focus();
      return;
    }
    answer(answers);
  }
}

function answerList(answers) {
  const pairs = answers.flatMap(({ question, response }) => [make("dt", {}, String(question)), make("dd", {}, String(response))]);
  return make("dl", {}, ...pairs);
}

/** A short sound, made here: nothing is loaded. */
function beep() {
  const Context = window.AudioContext || window.webkitAudioContext;
  if (!Context) {
    return;
  }
  const context = new Context();
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = 660;
  volume.gain.setValueAtTime(0.08, context.currentTime);
  volume.gain.exponentialRampToValueAtTime(0.001, context.currentTime + 0.25);
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.25);
  tone.addEventListener("ended", () => context.close());
}
