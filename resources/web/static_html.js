/* The page of a task of the requester's own HTML. */

import { showDocument } from "./document.js";
import { runTask } from "./shell.js";

runTask({ show: (task) => showDocument(task) });
