/* The page of the mock task: one question, one text. */

import { make } from "./dom.js";
import { runTask } from "./shell.js";

runTask({
  show({ root, data, draft, changed, submit }) {
    const field = make("textarea", { class: "cd-field", id: "cd-answer", rows: "3", oninput: changed });
    field.value = draft?.answer ?? "";
    const question = data.question || "What comes to mind?";
    const form = make(
      "form",
      { class: "cd-panel", onsubmit: (event) => event.preventDefault() },
      make("label", { class: "cd-label", for: "cd-answer" }, question),
      field,
      make("p", { class: "cd-note" }, "Anything will do: this task is for trying things out."),
    );
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        submit();
      }
    });
    root.append(form);
    field.focus();
    return {
      collect: () => ({ data: { answer: field.value } }),
      draft: () => ({ answer: field.value }),
      lock: (locked) => {
        field.readOnly = locked;
      },
      focus: () => field.focus(),
    };
  },
});
