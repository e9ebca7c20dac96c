/* Who the worker is, for task pages of every provider. The names of these globals are fixed by task bundles made for
 * Mephisto; a page loads this script before its bundle. The provider's own part defines `crowdProvider` above. */

function getWorkerName() {
  return new URLSearchParams(window.location.search).get(crowdProvider.workerParameter);
}

function getAssignmentId() {
  return new URLSearchParams(window.location.search).get(crowdProvider.assignmentParameter);
}

function getAgentRegistration() {
  const workerName = getWorkerName();
  const assignmentId = getAssignmentId();
  return {
    worker_name: workerName,
    agent_registration_id: assignmentId + "-" + workerName,
    assignment_id: assignmentId,
    provider_type: crowdProvider.provider_type,
  };
}

function handleSubmitToProvider(taskData) {
  crowdProvider.afterSubmit(taskData);
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
