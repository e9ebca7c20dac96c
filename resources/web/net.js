/* Requests to the router, and what to do when they fail. */

/** The router answered, but not with what was asked for. `code` and `detail` are its `{error, detail}`. */
export class Refusal extends Error {
  constructor(status, code, detail, retryAfter) {
    super(detail || `The server answered ${status}.`);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

/** Nothing came back: no network, or the server is not there. */
export class Unreachable extends Error {}

const TEMPORARY = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Whether the same request may well succeed later. */
export function isTemporary(error) {
  return error instanceof Unreachable || (error instanceof Refusal && TEMPORARY.has(error.status));
}

/** Send a request and read its JSON answer. `body` may be a plain value (sent as JSON) or FormData. */
export async function request(method, path, body, timeoutSeconds = 30) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeoutSeconds * 1000);
  const options = { method, signal: stop.signal, cache: "no-store", credentials: "same-origin" };
  if (body instanceof FormData) {
    options.body = body;
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  try {
    const response = await fetch(path, options);
    const text = await response.text();
    return read(response, text);
  } catch (error) {
    if (error instanceof Refusal) {
      throw error;
    }
    throw new Unreachable("The server cannot be reached.");
  } finally {
    clearTimeout(timer);
  }
}

function read(response, text) {
  let answer = null;
  try {
    answer = JSON.parse(text);
  } catch {
    answer = null;
  }
  if (response.ok && answer !== null) {
    return answer;
  }
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  const status = response.ok ? 502 : response.status;
  throw new Refusal(status, answer?.error || "", answer?.detail || "", retryAfter);
}

/** Growing pauses: 1, 2, 4 ... 30 s, a little uneven so that many pages do not come back at the same moment. */
export function pauseSeconds(attempt, error) {
  const base = Math.min(30, 2 ** Math.min(attempt, 5)) * (0.85 + Math.random() * 0.3);
  return Math.max(base, error instanceof Refusal ? error.retryAfter : 0);
}

/** Waits that a person or the returning network can cut short. */
export class Patience {
  constructor() {
    this._wake = null;
    window.addEventListener("online", () => this.now());
  }

  /** Go on at once. */
  now() {
    this._wake?.();
  }

  /** Wait; `tell(secondsLeft)` is called every second. A clock that is set meanwhile makes it no longer. */
  wait(seconds, tell) {
    return new Promise((resolve) => {
      const begun = [Date.now(), performance.now()];
      const passed = () => Math.max(Date.now() - begun[0], performance.now() - begun[1]) / 1000;
      const left = () => Math.max(0, Math.ceil(seconds - passed()));
      const timer = setInterval(() => (left() > 0 ? tell?.(left()) : done()), 250);
      const done = () => {
        clearInterval(timer);
        this._wake = null;
        resolve();
      };
      this._wake = done;
      tell?.(left());
    });
  }
}

/** Ask until there is an answer that waiting cannot change. `tell(error, secondsLeft)` says why it takes long. */
export async function persist(ask, patience, tell) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isTemporary(error)) {
        throw error;
      }
      await patience.wait(pauseSeconds(attempt, error), (seconds) => tell(error, seconds));
    }
  }
}
