/* What a task page says when there is no work on it, by status and by the code of a refusal. */

/** How work ended that was not handed in: title and text. */
export const ENDED = {
  expired: ["The task has ended", "The requester has closed this unit. You need do nothing more."],
  timeout: ["The time is over", "This unit was not sent in time, so somebody else can do it now."],
  returned: ["You gave this unit back", "Somebody else can do it now. You can take another."],
  disconnect: ["You were away for too long", "This unit is not yours any more: somebody else can do it now. You can take another."],
  "partner disconnect": ["Your partner has left", "This unit cannot be finished without them."],
};
/** The same of an introduction: nobody else waits for it, and it can be begun again. */
export const ENDED_INTRODUCTION = {
  timeout: ["The time is over", "This introduction was not sent in time. You can begin it again."],
  disconnect: ["You were away for too long", "You can begin this introduction again."],
};
/** Refusals by code: symbol, tone, title. `again`: it may be otherwise soon, so the page asks again by itself. */
export const REFUSALS = {
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
  broken: { symbol: "away", title: "That did not work" },
  unit_gone: { symbol: "stop", title: "This unit has ended" },
  soft_blocked: { symbol: "stop", title: "No more units for you" },
  gold_disqualified: { symbol: "stop", title: "No more units for you" },
  screening_over: { symbol: "check", tone: "ok", title: "No more workers are needed" },
  gold_over: { symbol: "check", tone: "ok", title: "No more workers are needed" },
  test_open: { symbol: "people", title: "You have a unit open" },
  not_suitable: { symbol: "inbox", title: "There is no unit for you" },
  looking: { symbol: "clock", title: "One moment, please", again: true },
};
/** A refusal of another code. */
export const REFUSED = { symbol: "inbox", title: "There is no unit for you now" };
