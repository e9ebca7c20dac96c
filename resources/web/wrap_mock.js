/* Who the worker is, for task pages of the mock provider.
 *
 * The names of these globals are fixed by task bundles made for Mephisto. Nothing here is real: the worker is who the
 * address says. */
"use strict";

function getWorkerName() {
  return new URLSearchParams(window.location.search).get("worker_id");
}

function getAssignmentId() {
  return new URLSearchParams(window.location.search).get("assignment_id");
}

function getAgentRegistration() {
  const workerName = getWorkerName();
  const assignmentId = getAssignmentId();
  return {
    worker_name: workerName,
    agent_registration_id: assignmentId + "-" + workerName,
    assignment_id: assignmentId,
    provider_type: "mock",
  };
}

/* The mock provider wants to know nothing: the page stays. */
function handleSubmitToProvider() {
  return true;
}

window._MEPHISTO_CONFIG_ = (() => {
  const values = {
    EVENT_EMITTER: new EventTarget(),
    AUTO_SUBMIT_ERRORS: false,
    ADD_ERROR_HANDLING: false,
    ERROR_REPORT_TO_EMAIL: null,
  };
  return {
    get: (name) => {
      if (!(name in values)) {
        throw new Error(`There is no setting ${name}. There are: ${Object.keys(values).join(", ")}.`);
      }
      return values[name];
    },
    set: (name, value) => {
      if (!(name in values)) {
        throw new Error(`There is no setting ${name}. There are: ${Object.keys(values).join(", ")}.`);
      }
      values[name] = value;
    },
  };
})();
