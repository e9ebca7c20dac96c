/* What is particular to the mock provider: where the address names worker and assignment, what follows a submission.
 * wrap_shared.js follows in the same script. Nothing here is real: the worker is who the address says. */
"use strict";

const crowdProvider = {
  provider_type: "mock",
  workerParameter: "worker_id",
  assignmentParameter: "assignment_id",
  afterSubmit() { /* the page stays: nobody wants to know */ },
};
