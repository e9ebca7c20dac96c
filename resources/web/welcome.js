/* The welcome page: what the task is, what it pays, how many are left, Start, and what became of one's work. */

import { icon, make, money, paragraphs } from "./dom.js";
import { keep, kept, newVisit, tidy } from "./keep.js";
import { Patience, Refusal, isTemporary, pauseSeconds, request } from "./net.js";
import { reportErrors } from "./session.js";

const REFRESH_SECONDS = 15;
const STATUSES = {
  accepted: ["info", "At work"],
  "in task": ["info", "At work"],
  waiting: ["info", "Waiting for the others"],
  assigned: ["info", "At work"],
  completed: ["info", "Waiting for review"],
  approved: ["ok", "Approved"],
  soft_rejected: ["ok", "Paid"],
  rejected: ["bad", "Returned"],
  expired: ["", "Closed by the requester"],
  timeout: ["warn", "Not sent in time"],
  disconnect: ["warn", "Interrupted"],
  "partner disconnect": ["warn", "The partner left"],
  returned: ["", "Given back"],
};

const patience = new Patience();
const title = make("p", { class: "cd-bar-title" }, "Welcome");
const main = make("main", { class: "cd-main", id: "cd-main", tabindex: "-1" });
const live = make("div", { class: "cd-quiet", role: "status" });
document.body.prepend(make("a", { class: "cd-skip", href: "#cd-main" }, "Go to the task"));
document.body.append(make("header", { class: "cd-top" }, make("div", { class: "cd-bar" }, title)), main, live);

let shown = "";
let refreshAt = 0;
let isAsking = false;

/** Ask what there is, show it, and do so again by and by. */
async function refresh() {
  if (isAsking) {
    return;
  }
  isAsking = true;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const name = typeof getWorkerName === "function" ? getWorkerName() : null;
      const state = await request("GET", name ? `/worker_state?worker_id=${encodeURIComponent(name)}` : "/worker_state");
      if (state.refusal_code === "name_taken") {
        askName(state.refusal);
      } else {
        show(state);
      }
      break;
    } catch (error) {
      if (error instanceof Refusal && error.code === "name_required") {
        askName();
        break;
      }
      if (error instanceof Refusal && !isTemporary(error)) {
        showClosed(error);
        break;
      }
      if (!isTemporary(error)) {
        throw error;
      }
      showAway(error);
      await patience.wait(pauseSeconds(attempt, error), (seconds) => tellAgain(seconds));
    }
  }
  isAsking = false;
  refreshAt = Date.now() + REFRESH_SECONDS * 1000;
}

function replace(kind, ...children) {
  main.replaceChildren(...children);
  if (kind !== shown) {
    live.textContent = main.querySelector("h1")?.textContent ?? "";
    shown = kind;
  }
}

function show(state) {
  const text = JSON.stringify(state);
  if (text === shown) {
    return; // nothing changed: what has the focus keeps it
  }
  const fold = main.querySelector(".cd-fold");
  const instructionsOpen = fold ? fold.open : !(state.submissions || []).length;
  const hadFocus = document.activeElement?.id === "cd-start";
  document.title = state.title || "Welcome";
  title.textContent = state.worker_name ? `Welcome, ${state.worker_name}` : "Welcome";
  main.replaceChildren(taskPanel(state, instructionsOpen), workPanel(state));
  shown = text;
  if (hadFocus) {
    document.getElementById("cd-start")?.focus();
  }
}

function taskPanel(state, instructionsOpen) {
  const facts = make("dl", { class: "cd-facts" });
  if (state.pay !== null && state.pay !== undefined) {
    const paid = Number(state.pay) > 0 ? money(state.pay, state.currency) : "No pay";
    facts.append(fact("For each one", paid));
  }
  if (state.units_left !== null && state.units_left !== undefined) {
    facts.append(fact("Left to do", state.units_left.toLocaleString()));
  }
  const earned = (state.submissions || []).reduce((sum, one) => sum + paidFor(one), 0);
  if (earned > 0) {
    facts.append(fact("Approved for you", money(earned, state.currency)));
  }
  const panel = make(
    "section",
    { class: "cd-panel" },
    make("h1", { class: "cd-task-title" }, state.title || "Task"),
    ...paragraphs(state.description).map((part) => {
      part.className = "cd-lead";
      return part;
    }),
    facts,
    startRow(state),
  );
  if (String(state.instructions || "").trim()) {
    panel.append(
      make(
        "details",
        { class: "cd-fold", open: instructionsOpen },
        make("summary", {}, "Instructions"),
        ...paragraphs(state.instructions),
      ),
    );
  }
  return panel;
}

function startRow(state) {
  const row = make("div", { class: "cd-start-row" });
  const unfinished = state.current_visit || kept(`visit.${state.worker_name}`);
  if (state.can_take || state.current) {
    const label = state.current ? "Go on with your unit" : (state.submissions || []).length ? "Take another" : "Start";
    row.append(
      make(
        "button",
        {
          id: "cd-start",
          class: "cd-button cd-first cd-large",
          type: "button",
          onclick: () => start(state.worker_name, state.current ? unfinished : null),
        },
        label,
      ),
      make("p", { class: "cd-note" }, "Nothing is taken until you press the button."),
    );
    return row;
  }
  const isDone = state.refusal_code === "finished";
  const isForGood = ["blocked", "soft_blocked", "ineligible", "qualification", "onboarding_failed", "unit_limit"];
  const looksAgain = isDone || isForGood.includes(state.refusal_code) ? "" : " This page looks again by itself.";
  row.append(
    make(
      "div",
      { class: "cd-notice", "data-tone": isDone ? "ok" : "warn" },
      icon(isDone ? "check" : "clock"),
      make("p", {}, (state.refusal || "There is nothing to do at the moment.") + looksAgain),
    ),
    make("button", { id: "cd-start", class: "cd-button cd-large", type: "button", disabled: true }, "Start"),
  );
  return row;
}

function workPanel(state) {
  const work = state.submissions || [];
  const panel = make("section", { class: "cd-panel" }, make("h2", {}, "Your work"));
  if (!work.length) {
    panel.append(make("p", { class: "cd-note" }, "What you send appears here, with what the requester says to it."));
    return panel;
  }
  panel.append(make("ul", { class: "cd-work-list" }, ...work.map((one) => workRow(one, state.currency))));
  return panel;
}

function workRow(one, currency) {
  const [tone, word] = STATUSES[one.status] || ["", String(one.status)];
  const when = timeText(one.when);
  const amounts = [];
  if (["approved", "soft_rejected", "accepted"].includes(one.status) && Number(one.pay) > 0) {
    amounts.push(money(one.pay, one.currency || currency));
  }
  if (Number(one.bonus) > 0) {
    amounts.push(`${money(one.bonus, one.currency || currency)} bonus`);
  }
  return make(
    "li",
    {},
    make("span", { class: "cd-work-what" }, make("span", { class: "cd-pill", "data-tone": tone }, word), make("span", { class: "cd-note" }, when)),
    make("span", { class: "cd-work-money" }, amounts.join(" + ")),
    one.reason ? make("p", { class: "cd-reason" }, one.reason) : null,
  );
}

function paidFor(one) {
  const pay = ["approved", "soft_rejected"].includes(one.status) ? Number(one.pay) || 0 : 0;
  return pay + (Number(one.bonus) || 0);
}

function timeText(when) {
  const moment = typeof when === "number" ? new Date(when * 1000) : new Date(when);
  if (Number.isNaN(moment.getTime())) {
    return "";
  }
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(moment);
}

function fact(name, value) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value));
}

/** Go to the task page under a name for this visit; the unit is taken there. */
function start(worker, unfinished) {
  const visit = unfinished || newVisit();
  keep(`visit.${worker}`, visit);
  const parameter = getAgentRegistration().provider_type === "mock" ? "assignment_id" : "id";
  const query = new URLSearchParams({ worker_id: worker, [parameter]: visit });
  location.assign(`/task?${query}`);
}

// --- who are you

function askName(reason) {
  const input = make("input", {
    class: "cd-field",
    id: "cd-name",
    name: "name",
    autocomplete: "nickname",
    maxlength: "80",
    required: true,
    "aria-describedby": "cd-name-note cd-name-fault",
  });
  const fault = make("p", { class: "cd-fault", id: "cd-name-fault", role: "alert" });
  const button = make("button", { class: "cd-button cd-first cd-large", type: "submit" }, "Go on");
  const form = make(
    "form",
    { class: "cd-name-form", novalidate: true },
    make("div", {}, make("label", { class: "cd-label", for: "cd-name" }, "Your name"), input, fault),
    make(
      "p",
      { class: "cd-note", id: "cd-name-note" },
      "The requester sees it beside your work. Use the same name when you come back on this device.",
    ),
    make("div", { class: "cd-actions" }, button),
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    fault.textContent = "";
    if (!input.value.trim()) {
      fail("Please type your name.");
      return;
    }
    button.disabled = true;
    try {
      await request("POST", "/enter", { name: input.value.trim() });
      shown = "";
      await refresh();
      if (shown !== "name") {
        main.focus({ preventScroll: true });
      }
    } catch (error) {
      if (!(error instanceof Error)) {
        throw error;
      }
      fail(error.message);
    } finally {
      button.disabled = false;
    }
  });
  function fail(text) {
    fault.textContent = text;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }
  replace("name", make("section", { class: "cd-panel" }, make("h1", { class: "cd-task-title" }, "Who are you?"), form));
  if (reason) {
    fail(reason);
  }
  input.focus();
}

// --- doors that are shut

function showClosed(error) {
  const isEntry = error.code === "entry_required";
  const text = isEntry
    ? "Open the link that you were given, on this device and in this browser. If it does not work any more, ask for a new one."
    : error.message;
  replace(
    "closed",
    stateOf(isEntry ? "door" : "stop", "warn", isEntry ? "Please come in through your link" : "You cannot come in", text),
  );
}

function showAway(error) {
  if (shown.startsWith("{")) {
    return; // what was known stays on the page; the start button finds out for itself
  }
  const isAway = error instanceof Refusal && error.code === "desktop_away";
  const head = isAway ? "The requester's program is away" : "The server cannot be reached";
  const text = "Nothing of yours is lost. This page tries again by itself, you can leave it open.";
  if (shown !== "away") {
    const again = make("p", { class: "cd-note", id: "cd-again" });
    const button = make("button", { class: "cd-button", type: "button", onclick: () => patience.now() }, "Try now");
    const state = stateOf("away", "warn", head, text);
    state.append(again, make("div", { class: "cd-actions" }, button));
    replace("away", state);
  }
}

function tellAgain(seconds) {
  const again = document.getElementById("cd-again");
  if (again) {
    again.textContent = seconds > 0 ? `Trying again in ${seconds} s.` : "Trying again now.";
  }
}

function stateOf(symbol, tone, head, text) {
  return make(
    "section",
    { class: "cd-state" },
    make("div", { class: "cd-emblem", "data-tone": tone }, icon(symbol)),
    make("h1", {}, head),
    make("p", {}, text),
  );
}

tidy();
reportErrors(() => "");
replace(
  "loading",
  make("section", { class: "cd-state" }, make("div", { class: "cd-emblem" }, make("div", { class: "cd-spinner" })), make("h1", {}, "One moment")),
);
refresh();
setInterval(() => {
  if (!document.hidden && Date.now() > refreshAt && shown !== "name") {
    refresh();
  }
}, 1000);
window.addEventListener("pageshow", (event) => event.persisted && refresh());
