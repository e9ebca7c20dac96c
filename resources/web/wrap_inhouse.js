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
