/* What is particular to the in-house provider: where the address names worker and assignment, what follows a submission.
 * wrap_shared.js follows in the same script.
 * The worker's name comes with the address for the page's own use; the router believes the signed cookie of the entry
 * link and not this. */
"use strict";

const crowdProvider = {
  provider_type: "inhouse",
  workerParameter: "worker_id",
  assignmentParameter: "id",
  afterSubmit() {
    window.location.assign("/welcome"); // where the next unit can be taken
  },
};
