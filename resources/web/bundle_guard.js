/* Beside a bundle of somebody else: what the bundle asks of the server is looked at, and never changed.
 *
 * A bundle gives up at the first request that fails, and its worker would see nothing of it. Here the worker is told
 * what is going on; work that could not be sent is kept, sent again until it is recorded, and then handed to the
 * provider's page as the bundle would have done. It is no module: it must stand before the bundle's first request.
 * Its notice lives in a shadow tree, so that neither style reaches the other. */
"use strict";

(function () {
  const RESENT = new Set(["/submit_task", "/submit_metadata", "/submit_onboarding"]);
  const BEGINNINGS = new Set(["/request_agent", "/task_config.json"]);
  const TEMPORARY = new Set([0, 408, 425, 429, 500, 502, 503, 504]);
  const AGAIN = new Set(["not_ready", "all_taken", "run_full", "paused", "budget", "failed"]);
  const ASK_AGAIN_SECONDS = 20;
  const LARGEST_KEPT = 4 * 1024 * 1024;
  const KEPT = "crowdesk.bundle.";
  const MOST_REPORTS = 5;
  const plainFetch = window.fetch.bind(window);
  const asked = new WeakMap();
  const waiting = [];
  let token = "";
  let reports = 0;
  let timer = 0;
  let attempt = 0;
  let isSending = false;
  let notice = null;

  // --- what the bundle asks

  const open = XMLHttpRequest.prototype.open;
  XMLHttpRequest.prototype.open = function (method, url, ...more) {
    asked.set(this, pathOf(url));
    return open.call(this, method, url, ...more);
  };
  const send = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (body) {
    const path = asked.get(this);
    if (RESENT.has(path) || BEGINNINGS.has(path)) {
      this.addEventListener("loadend", () => settled(path, body, this.status, textOf(this)));
    }
    return send.call(this, body);
  };
  window.fetch = async function (input, options) {
    const path = pathOf(input instanceof Request ? input.url : input);
    const body = options?.body ?? null;
    if (!RESENT.has(path) && !BEGINNINGS.has(path)) {
      return plainFetch(input, options);
    }
    let answer;
    try {
      answer = await plainFetch(input, options);
    } catch (error) {
      settled(path, body, 0, "");
      throw error;
    }
    answer.clone().text().then((text) => settled(path, body, answer.status, text), () => {});
    return answer;
  };

  function pathOf(url) {
    try {
      const parsed = new URL(url, location.href);
      return parsed.origin === location.origin ? parsed.pathname : "";
    } catch {
      return "";
    }
  }

  function textOf(request) {
    return request.responseType === "" || request.responseType === "text" ? request.responseText : "";
  }

  function settled(path, body, status, text) {
    const answer = parse(text);
    if (status >= 200 && status < 300) {
      token = answer?.data?.agent_id || token;
      if (AGAIN.has(answer?.data?.failure_code)) {
        askAgain();
      } else if (BEGINNINGS.has(path)) {
        hush();
      }
      return;
    }
    if (RESENT.has(path)) {
      if (TEMPORARY.has(status) && (typeof body === "string" || body instanceof FormData)) {
        hold(path, body, answer);
      } else {
        say("bad", answer?.detail || `The server did not take what was sent (${status}).`, "alert");
      }
    } else if (TEMPORARY.has(status)) {
      beginAgain(answer);
    } else {
      say("bad", answer?.detail || `The server answered ${status}.`, "alert", "Go to the overview", () => location.assign("/welcome"));
    }
  }

  function parse(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  // --- nothing to begin with: load the page again by and by

  function beginAgain(answer) {
    const again = () => location.reload();
    count(pause(), (seconds) => say("warn", `${reason(answer)} This page loads again in ${seconds} s.`, "status", "Load now", again), again);
  }

  /** The bundle says why there is no unit; here it is asked for again, as on our own pages. */
  function askAgain() {
    const again = () => location.reload();
    count(ASK_AGAIN_SECONDS, (seconds) => say("warn", `This page asks again in ${seconds} s.`, "status", "Ask now", again), again);
  }

  // --- work that could not be sent

  function hold(path, body, answer) {
    waiting.push({ path, body });
    remember();
    later(answer);
  }

  function later(answer) {
    const what = waiting.some((each) => each.path !== "/submit_metadata") ? "Your answers are not sent yet." : "Something is not sent yet.";
    count(
      pause(),
      (seconds) => say("warn", `${what} ${reason(answer)} They are kept, and sent again in ${seconds} s. Keep this page open.`, "status", "Send now", sendAgain),
      sendAgain,
    );
  }

  async function sendAgain() {
    if (isSending) {
      return;
    }
    isSending = true;
    clearInterval(timer);
    try {
      while (waiting.length) {
        const { path, body } = waiting[0];
        const options = { method: "POST", body, credentials: "same-origin", cache: "no-store" };
        if (typeof body === "string") {
          options.headers = { "Content-Type": "application/json" };
        }
        let status = 0;
        let answer = null;
        try {
          const response = await plainFetch(path, options);
          status = response.status;
          answer = parse(await response.text());
        } catch {
          status = 0;
        }
        if (TEMPORARY.has(status)) {
          later(answer);
          return;
        }
        waiting.shift();
        remember();
        finished(path, body, status, answer);
      }
    } finally {
      isSending = false;
    }
  }

  function finished(path, body, status, answer) {
    attempt = 0;
    if (status < 200 || status >= 300) {
      say("bad", answer?.detail || `The server did not take what was sent (${status}).`, "alert");
    } else if (path === "/submit_onboarding") {
      location.reload(); // the bundle waits for an answer that it did not get: it asks anew, and has its unit
    } else if (path === "/submit_task") {
      say("ok", "Your answers are sent and saved.", "status", "Go to the overview", () => location.assign("/welcome"));
      if (typeof handleSubmitToProvider === "function") {
        handleSubmitToProvider(finalData(body));
      }
    } else {
      hush();
    }
  }

  function finalData(body) {
    if (typeof body === "string") {
      return parse(body)?.final_data ?? {};
    }
    return parse(body.get("final_string_data") ?? body.get("final_data") ?? "") ?? {};
  }

  /** What is no file survives a reload of the page. */
  function remember() {
    try {
      const kept = waiting.filter(({ body }) => typeof body === "string" && body.length <= LARGEST_KEPT);
      const name = KEPT + visit();
      if (kept.length) {
        localStorage.setItem(name, JSON.stringify({ at: Date.now(), value: kept }));
      } else {
        localStorage.removeItem(name);
      }
    } catch {
      /* this device keeps nothing: the page itself does, while it is open */
    }
  }

  function recall() {
    try {
      const kept = JSON.parse(localStorage.getItem(KEPT + visit()))?.value ?? [];
      waiting.push(...kept.filter(({ path, body }) => RESENT.has(path) && typeof body === "string"));
    } catch {
      /* as above */
    }
    if (waiting.length) {
      later(null);
    }
  }

  function visit() {
    return typeof getAssignmentId === "function" ? String(getAssignmentId()) : "";
  }

  // --- time and words

  function pause() {
    attempt += 1;
    return Math.round(Math.min(30, 2 ** attempt) * (0.85 + Math.random() * 0.3));
  }

  function count(seconds, tell, act) {
    clearInterval(timer);
    const end = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((end - Date.now()) / 1000);
      if (left > 0) {
        tell(left);
      } else {
        clearInterval(timer);
        act();
      }
    };
    timer = setInterval(tick, 500);
    tick();
  }

  function reason(answer) {
    return answer?.detail || "There is no connection to the server.";
  }

  function hush() {
    notice?.host.remove();
    notice = null;
  }

  function say(tone, text, role, action = "", act = null) {
    notice = notice ?? build();
    notice.box.dataset.tone = tone;
    notice.text.setAttribute("role", role);
    // A count of seconds that runs is seen; only the words around it are told to those who listen.
    const spoken = text.replace(/ in \d+ s\./, ".");
    if (notice.spoken !== spoken) {
      notice.spoken = spoken;
      const { text: region } = notice;
      setTimeout(() => (region.textContent = spoken), 60); // a region is heard once it is there, then filled
    }
    notice.shown.textContent = text;
    notice.button.hidden = !action;
    notice.button.textContent = action;
    notice.button.onclick = act;
  }

  function build() {
    const host = document.createElement("div");
    host.id = "crowdesk-notice";
    const root = host.attachShadow({ mode: "open" });
    root.innerHTML = `
      <style>
        section { position: fixed; z-index: 2147483000; left: 50%; bottom: 16px; transform: translateX(-50%);
          box-sizing: border-box; width: max-content; max-width: min(640px, calc(100vw - 24px)); display: flex;
          flex-wrap: wrap; align-items: center; gap: 8px 12px; padding: 12px 16px; border: 1px solid; border-radius: 8px;
          font: 15px/1.45 Inter, "Segoe UI", system-ui, sans-serif; box-shadow: 0 4px 24px rgb(16 24 40 / 22%);
          background: #fdf1dc; color: #6f3f04; }
        section[data-tone="bad"] { background: #fdeceb; color: #99190f; }
        section[data-tone="ok"] { background: #e5f5ea; color: #14602a; }
        p { margin: 0; flex: 1 1 220px; }
        .quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        button { font: inherit; font-weight: 600; min-height: 44px; padding: 0 14px; border-radius: 8px; cursor: pointer;
          border: 1px solid currentColor; background: transparent; color: inherit; }
        button:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
        @media (prefers-color-scheme: dark) {
          section { background: #3a2c14; color: #f5c77f; }
          section[data-tone="bad"] { background: #43201f; color: #ffaaa2; }
          section[data-tone="ok"] { background: #173325; color: #86deaa; }
        }
      </style>
      <section aria-label="About this page"><p aria-hidden="true"></p><span class="quiet"></span><button type="button" hidden></button></section>`;
    (document.body ?? document.documentElement).append(host);
    return {
      host,
      box: root.querySelector("section"),
      shown: root.querySelector("p"),
      text: root.querySelector("span"),
      button: root.querySelector("button"),
      spoken: "",
    };
  }

  // --- what breaks in the bundle is told to the requester

  function report(message, stack) {
    if (reports >= MOST_REPORTS) {
      return;
    }
    reports += 1;
    const error_data = { message: String(message).slice(0, 2000), stack: String(stack || "").slice(0, 8000) };
    error_data.page = location.pathname;
    error_data.browser = navigator.userAgent;
    const body = JSON.stringify({ USED_AGENT_ID: token, error_data, client_timestamp: Date.now() / 1000 });
    plainFetch("/log_error", { method: "POST", body, headers: { "Content-Type": "application/json" } }).catch(() => {});
  }

  window.addEventListener("error", (event) => report(event.message, event.error?.stack));
  window.addEventListener("unhandledrejection", ({ reason: cause }) => {
    if (cause?.name !== "NotAllowedError") { // a sound that was played before anybody touched the page is no fault
      report(cause?.message ?? cause, cause?.stack);
    }
  });
  window.addEventListener("beforeunload", (event) => waiting.length && event.preventDefault());
  window.addEventListener("online", () => waiting.length && sendAgain());
  document.addEventListener("DOMContentLoaded", recall);
})();
