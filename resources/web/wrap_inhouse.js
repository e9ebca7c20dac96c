/* Who the worker is, for task pages of the in-house provider.
 *
 * The names of these globals are fixed by task bundles made for Mephisto. The worker's name comes with the address for
 * the page's own use; the router believes the signed cookie of the entry link and not this. */
"use strict";

function getWorkerName() {
  return new URLSearchParams(window.location.search).get("worker_id");
}

function getAssignmentId() {
  return new URLSearchParams(window.location.search).get("id");
}

function getAgentRegistration() {
  const workerName = getWorkerName();
  const assignmentId = getAssignmentId();
  return {
    worker_name: workerName,
    agent_registration_id: assignmentId + "-" + workerName,
    assignment_id: assignmentId,
    provider_type: "inhouse",
  };
}

/* After a submission the worker goes back to the welcome page, where the next unit can be taken. */
function handleSubmitToProvider() {
  window.location.assign("/welcome");
  return true;
}

/* Settings that task bundles read and change; `set` tells those who listen under the setting's name. */
function makeEventEmitter() {
  const listeners = new Map();
  return {
    emit(name, ...values) {
      for (const listener of [...(listeners.get(name) || [])]) {
        listener(...values);
      }
    },
    on(name, listener) {
      listeners.set(name, [...(listeners.get(name) || []), listener]);
      return () => {
        listeners.set(name, (listeners.get(name) || []).filter((other) => other !== listener));
      };
    },
  };
}

window._MEPHISTO_CONFIG_ = Object.assign(window._MEPHISTO_CONFIG_ || {}, {
  EVENT_EMITTER: makeEventEmitter(),
  AUTO_SUBMIT_ERRORS: false,
  ADD_ERROR_HANDLING: false,
  ERROR_REPORT_TO_EMAIL: null,
  get(name) {
    if (!(name in window._MEPHISTO_CONFIG_)) {
      throw new Error(`There is no setting "${name}".`);
    }
    return window._MEPHISTO_CONFIG_[name];
  },
  set(name, value) {
    window._MEPHISTO_CONFIG_[name] = value;
    window._MEPHISTO_CONFIG_.EVENT_EMITTER.emit(name, value);
  },
});
