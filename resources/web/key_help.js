/* The list of a page's keys, and the switch that turns single keys off. */

import { make } from "./dom.js";

/** Show those of the image page. `has`: `{boxes, cannotTell}`; `use(wanted)` is called when single keys are switched on or off. */
export function showKeys(has, areUsed, use) {
  const rows = [
    ["1 – 9", has.boxes ? "choose a label; for the box that has the focus, when there is one" : "choose a label"],
    ...(has.cannotTell ? [["C", "cannot tell"]] : []),
    ...(has.boxes
      ? [
          ["B", "add a box"],
          ["Tab", "go from box to box"],
          ["Arrows", "move the box (or the image)"],
          ["Shift + arrows", "resize the box"],
          ["Delete", "delete the box"],
        ]
      : [["Arrows", "move the image, when it has the focus"]]),
    ["+   −   0", "zoom in, zoom out, fit"],
    ["Enter", "submit (Ctrl + Enter from the comment)"],
    ["?", "this list"],
  ];
  showKeyList(rows, areUsed, use);
}

/** Show a list of `[keys, what they do]`; `use(wanted)` is called when single keys are switched on or off. */
export function showKeyList(rows, areUsed, use) {
  const list = make("dl", { class: "cd-key-list" });
  for (const [key, meaning] of rows) {
    list.append(make("dt", {}, make("kbd", {}, key)), make("dd", {}, meaning));
  }
  const toggle = make("input", { type: "checkbox" });
  toggle.checked = areUsed;
  toggle.addEventListener("change", () => use(toggle.checked));
  const dialog = make("dialog", { class: "cd-dialog", "aria-labelledby": "il-keys-title" });
  dialog.append(
    make("h2", { id: "il-keys-title" }, "Keyboard shortcuts"),
    list,
    make("label", { class: "cd-check" }, toggle, "Use the single-key shortcuts"),
    make(
      "div",
      { class: "cd-actions" },
      make("button", { class: "cd-button cd-first", type: "button", autofocus: true, onclick: () => dialog.close() }, "Close"),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
