/* One agent's work: register, stay alive, submit until it is acknowledged. Knows nothing of how pages look. */

import { forget, keep, kept } from "./keep.js";
import { Patience, Refusal, isTemporary, pauseSeconds, persist, request } from "./net.js";
import { sha256 } from "./sha256.js";

const FIRST_BEAT = 500;
const BEAT = 6000;
const PING_AGE = 20000;
const QUIET_BEATS = 2;
const ANSWER = 4000;
const DIAL = 10000;
const SEEN = 2000;
const ONBOARDING = "onboarding";

/**
 * Events, each a CustomEvent:
 * `status` {status, reason}; `connection` {state: "open" | "lost" | "away" | "flood"}; `live` {update} from the requester's
 * program; `news` {status, ...}: what is worth knowing now and is kept nowhere.
 */
export class Session extends EventTarget {
  constructor(registration) {
    super();
    this.registration = registration;
    this.token = null;
    this.data = null;
    this.status = "";
    this.secondsLeft = null;
    this.patience = new Patience();
    this._socket = null;
    this._attempt = 0;
    this._unanswered = 0;
    this._timers = new Set();
    this._closed = false;
    this._connection = "";
    this._unsaid = [];
    this._seen = new Set();
    window.addEventListener("online", () => this._look());
    window.addEventListener("pageshow", () => this._look());
    document.addEventListener("resume", () => this._look());
    document.addEventListener("visibilitychange", () => !document.hidden && this._look());
  }

  /** The number a worker can name when they ask about this unit: the beginning of what the requester has of it. */
  get reference() {
    return sha256(this.token).slice(0, 10).toUpperCase();
  }

  get isOnboarding() {
    return Boolean(this.token && this.token.startsWith(ONBOARDING));
  }

  /** Ask for a unit, or for the one that this visit has; `returning`: for that one alone. `tell(error, seconds)` while
   *  it takes long. */
  async register(tell, returning = false) {
    const provider_data = returning ? { ...this.registration, returning } : this.registration;
    const body = { provider_data, client_timestamp: Date.now() / 1000 };
    return this._take(await persist(() => request("POST", "/request_agent", body), this.patience, tell));
  }

  /** Hand in the onboarding; the answer is the real unit, or a refusal. */
  async submitOnboarding(answers, tell) {
    const data = { USED_AGENT_ID: this.token, onboarding_data: answers };
    const body = { provider_data: { ...this.registration, ...data }, client_timestamp: Date.now() / 1000 };
    return this._take(await persist(() => request("POST", "/submit_onboarding", body), this.patience, tell));
  }

  _take(packet) {
    const details = packet.data || {};
    if (!details.agent_id) {
      const reason = details.failure_reason || "There is nothing to do for you at the moment.";
      throw new Refusal(200, details.failure_code || "refused", reason, 0);
    }
    this._hangUp();
    this._connection = "";
    this.token = details.agent_id;
    this.data = details.init_task_data || {};
    this.secondsLeft = typeof details.seconds_left === "number" ? details.seconds_left : null;
    this.status = details.status || this.status;
    this._dial();
    return this.data;
  }

  /** Hand in the work. Returns when it is on the requester's disk; `tell` says why it takes long. */
  async submit(finalData, files, tell) {
    const ask = () => {
      const stamp = Date.now() / 1000;
      if (!files.length) {
        const body = { USED_AGENT_ID: this.token, final_data: finalData, client_timestamp: stamp };
        return request("POST", "/submit_task", body, 60);
      }
      const form = new FormData();
      form.append("USED_AGENT_ID", this.token);
      form.append("client_timestamp", String(stamp));
      form.append("final_string_data", JSON.stringify(finalData));
      for (const { field, file } of files) {
        form.append(field, file, file.name);
      }
      return request("POST", "/submit_task", form, 3600);
    };
    await persist(ask, this.patience, tell);
    this.close();
  }

  /** Give the unit back, so that somebody else can do it. */
  async giveBack(tell) {
    const body = { USED_AGENT_ID: this.token, client_timestamp: Date.now() / 1000 };
    await persist(() => request("POST", "/return_unit", body), this.patience, tell);
    this.close();
  }

  /** Leave for good: no more heartbeats. */
  close() {
    this._closed = true;
    this._hangUp();
  }

  /** Say something to the requester's program, as soon as there is a connection. Each saying has an id of its own. */
  say(content) {
    this._unsaid.push({ update_id: updateId(), ...content });
    this._sayAll();
  }

  _sayAll() {
    while (this._unsaid.length && this._socket?.readyState === WebSocket.OPEN) {
      this._send("mephisto_bound_live_update", this._unsaid.shift());
    }
  }

  get draftName() {
    return `draft.${this.reference}`;
  }

  saveDraft(draft) {
    return keep(this.draftName, draft);
  }

  findDraft() {
    return kept(this.draftName);
  }

  dropDraft() {
    forget(this.draftName);
  }

  // --- the socket

  _dial() {
    if (this._closed) {
      return;
    }
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/`);
    this._socket = socket;
    this._later(() => socket.readyState === WebSocket.CONNECTING && this._drop(socket), DIAL);
    socket.addEventListener("open", () => {
      if (socket !== this._socket) {
        return;
      }
      this._unanswered = 0;
      this._send("alive", { update_id: updateId() });
      this._sayAll();
      this._tell("open");
      this._later(() => this._beat(socket), FIRST_BEAT);
    });
    socket.addEventListener("message", (event) => socket === this._socket && this._heard(event.data));
    socket.addEventListener("close", (event) => this._lost(socket, event.code));
  }

  _hangUp() {
    const socket = this._socket;
    this._socket = null;
    for (const timer of this._timers) {
      clearTimeout(timer);
    }
    this._timers.clear();
    socket?.close();
  }

  _lost(socket, code) {
    if (socket !== this._socket || this._closed) {
      return;
    }
    this._socket = null;
    if (code === 4404) {
      this.dispatchEvent(new CustomEvent("unknown"));
      return;
    }
    this._tell(code === 4429 ? "flood" : "lost");
    this._later(() => this._redial(), pauseSeconds(this._attempt, null) * 1000);
    this._attempt += 1;
  }

  /** A connection that does not answer: a proper end of it may never come. */
  _drop(socket) {
    socket.close();
    this._lost(socket, 0);
  }

  /** The page was asleep, or the network changed: the connection may be dead and nobody has noticed. */
  _look() {
    const socket = this._socket;
    if (this._closed || !this.token) {
      return;
    }
    if (!socket) {
      this._redial();
    } else if (socket.readyState === WebSocket.OPEN) {
      this._unanswered += 1;
      this._send("heartbeat");
      this._later(() => socket === this._socket && this._unanswered > 0 && this._drop(socket), ANSWER);
    }
  }

  _redial() {
    if (!this._socket && !this._closed) {
      this._dial();
    }
  }

  _beat(socket) {
    if (socket !== this._socket) {
      return;
    }
    if (this._unanswered >= QUIET_BEATS) {
      this._drop(socket);
      return;
    }
    this._unanswered += 1;
    this._send("heartbeat");
    this._later(() => this._beat(socket), BEAT);
  }

  _heard(text) {
    let packet;
    try {
      packet = JSON.parse(text);
    } catch {
      return;
    }
    const data = packet.data || {};
    this._unanswered = 0;
    if (packet.packet_type === "heartbeat") {
      this._attempt = 0;
      const away = data.away || (data.last_mephisto_ping && Date.now() - data.last_mephisto_ping > PING_AGE);
      this._tell(away ? "away" : "open");
    }
    if (packet.packet_type === "client_bound_live_update") {
      if (this._isNew(data.update_id)) {
        this.dispatchEvent(new CustomEvent("live", { detail: data }));
      }
    } else if (typeof data.status === "string") {
      const isOther = data.status !== this.status;
      this.status = data.status;
      if (isOther) {
        this.dispatchEvent(new CustomEvent("status", { detail: { status: data.status, reason: data.reason } }));
      }
      if (packet.packet_type === "update_status") {
        this.dispatchEvent(new CustomEvent("news", { detail: data }));
      }
    }
  }

  /** Whether an update was not heard before: what may have been lost with a connection is said again by the next. */
  _isNew(id) {
    if (id !== undefined && this._seen.has(id)) {
      return false;
    }
    this._seen.add(id);
    if (this._seen.size > SEEN) {
      this._seen.delete(this._seen.values().next().value);
    }
    return true;
  }

  _send(type, data) {
    const packet = { packet_type: type, subject_id: this.token, client_timestamp: Date.now() / 1000 };
    if (data !== undefined) {
      packet.data = data;
    }
    if (this._socket?.readyState === WebSocket.OPEN) {
      this._socket.send(JSON.stringify(packet));
    }
  }

  _tell(state) {
    if (state !== this._connection) {
      this._connection = state;
      this.dispatchEvent(new CustomEvent("connection", { detail: { state } }));
    }
  }

  _later(action, milliseconds) {
    const timer = setTimeout(() => {
      this._timers.delete(timer);
      action();
    }, milliseconds);
    this._timers.add(timer);
  }
}

function updateId() {
  return sha256(String(Math.random()) + Date.now()).slice(0, 16);
}

/** Send what went wrong in the page to the requester's log; a few per page, never in the worker's way. */
export function reportErrors(findToken) {
  let left = 5;
  const report = (message, stack) => {
    if (left > 0) {
      left -= 1;
      const error_data = { message: String(message).slice(0, 2000), stack: String(stack || "").slice(0, 8000) };
      error_data.page = location.pathname;
      error_data.browser = navigator.userAgent;
      const body = { USED_AGENT_ID: findToken(), error_data, client_timestamp: Date.now() / 1000 };
      request("POST", "/log_error", body).catch((error) => isTemporary(error));
    }
  };
  window.addEventListener("error", (event) => report(event.message, event.error?.stack));
  window.addEventListener("unhandledrejection", (event) => report(event.reason, event.reason?.stack));
}
