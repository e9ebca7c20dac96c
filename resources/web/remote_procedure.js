/* The page of a task whose own HTML calls functions of the requester: `await crowdeskTask.call("name", arguments)`. */

import { showDocument } from "./document.js";
import { runTask } from "./shell.js";

const ASK_AGAIN = 10_000;

runTask({
  show: (task) => showDocument(plain(task), ({ session, preview, onboarding, config }) => {
    const caller = preview || onboarding || !session ? null : new Caller(session, config.call_seconds);
    const call = (name, args) => (caller ? caller.call(name, args) : Promise.reject(new Error("Nothing is called here.")));
    return { call, previousCalls: task.data.previous_requests || [] };
  }),
});

/** The row where pages of HTML look for it. */
function plain(task) {
  const { data } = task;
  return { ...task, data: data.task_data ? { ...data.task_data, html: data.html } : data };
}

/** Calls that wait for their answer. One that is not answered is asked for again: it is made once all the same. */
class Caller {
  constructor(session, seconds) {
    this.session = session;
    this.patience = (seconds || 30) * 1000 + 60_000;
    this.waiting = new Map();
    session.addEventListener("live", (event) => this._heard(event.detail));
    session.addEventListener("connection", (event) => event.detail.state === "open" && this._askAgain());
    setInterval(() => this._askAgain(), ASK_AGAIN);
  }

  call(target, args = null) {
    const id = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    const update = { request_id: id, target: String(target), args: JSON.stringify(args) ?? "null" };
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { update, resolve, reject, begun: Date.now(), asked: Date.now() });
      this.session.say(update);
    });
  }

  _heard({ handles, response }) {
    const call = this.waiting.get(handles);
    if (!call) {
      return;
    }
    this.waiting.delete(handles);
    let answer = null;
    try {
      answer = JSON.parse(response);
    } catch {
      answer = { error: "The answer could not be read." };
    }
    const keys = answer !== null && typeof answer === "object" ? Object.keys(answer) : [];
    if (keys.length === 1 && keys[0] === "error") {
      call.reject(new Error(String(answer.error)));
    } else {
      call.resolve(answer);
    }
  }

  _askAgain() {
    const now = Date.now();
    for (const [id, call] of this.waiting) {
      if (now - call.begun > this.patience) {
        this.waiting.delete(id);
        call.reject(new Error("No answer came. Please try again."));
      } else if (now - call.asked >= ASK_AGAIN) {
        call.asked = now;
        this.session.say(call.update);
      }
    }
  }
}
