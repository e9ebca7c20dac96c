/* A page that the requester wrote, in our frame: filled in by the router's side, sent as the form that it is. */

import { make } from "./dom.js";

/**
 * Show the page and return what `runTask` wants to know of it. `more(task)` gives what the page's own scripts find in
 * `window.crowdeskTask` beside `data`, `isPreview` and `submit`.
 */
export function showDocument(task, more = () => ({})) {
  const { root, data, config, draft, preview, onboarding, changed, submit, say, foot, hideSubmit } = task;
  const page = onboarding ? config.onboarding_page : preview ? config.preview_page : config.task_page;
  const text = onboarding || preview ? page?.html : data.html;
  const form = make("form", { class: "cd-document", id: "task-form", novalidate: true });
  form.innerHTML = text || "<p>The requester has given no preview of this task.</p>";
  root.append(form);
  window.crowdeskTask = { data, isPreview: preview, submit, ...more(task) };
  runCode(form, page, () => restore(form, draft));
  restore(form, draft);
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  const ownButton = form.querySelector("button:not([type]), button[type=submit], input[type=submit]");
  hideSubmit(Boolean(ownButton));
  window._MEPHISTO_CONFIG_.EVENT_EMITTER.on("HIDE_SUBMIT_BUTTON", (hidden) => hideSubmit(Boolean(ownButton || hidden)));
  const files = draft?.files ?? [];
  return {
    note: files.length ? `Please choose again: ${files.join(", ")}. A page cannot keep files.` : "",
    collect: () => collect(form, say, foot),
    draft: () => draftOf(form),
    lock: (locked) => form.toggleAttribute("inert", locked),
    focus: () => form.querySelector(":invalid, input, textarea, select")?.focus(),
  };
}

/** Load the page's own scripts, in order, after the page is there; then tell them that it is. */
async function runCode(form, page, after) {
  if (!page) {
    return;
  }
  for (const { src, module } of [...(page.handlers ? [{ src: page.handlers }] : []), ...(page.scripts || [])]) {
    await new Promise((resolve) => {
      const script = make("script", { src, type: module ? "module" : false });
      script.async = false;
      script.addEventListener("load", resolve);
      script.addEventListener("error", resolve);
      document.head.append(script);
    });
    if (src === page.handlers) {
      bindHandlers(form);
    }
  }
  if (page.scripts?.length) {
    document.dispatchEvent(new Event("DOMContentLoaded"));
    window.dispatchEvent(new Event("load"));
    after();
  }
}

/** What was written as onclick="..." and the like. */
function bindHandlers(form) {
  for (const element of form.querySelectorAll("[data-crowdesk-handlers]")) {
    for (const place of element.dataset.crowdeskHandlers.split(" ")) {
      const [event, action] = window.crowdeskHandlers[Number(place)];
      element.addEventListener(event, (happened) => {
        if (action.call(element, happened) === false) {
          happened.preventDefault();
        }
      });
    }
  }
}

function collect(form, say, foot) {
  if (!form.checkValidity()) {
    const first = form.querySelector(":invalid:not(fieldset)");
    const text = `${nameOf(first).replace(/[\s:.?]+$/, "")}: ${first?.validationMessage || "Please check this field."}`;
    foot(text, "bad");
    say(text);
    form.reportValidity();
    return null;
  }
  const data = {};
  const files = [];
  for (const [name, value] of new FormData(form)) {
    if (value instanceof File) {
      if (value.name) {
        files.push({ field: name, file: value });
      }
    } else if (!(name in data)) {
      data[name] = value;
    } else {
      data[name] = [].concat(data[name], value);
    }
  }
  return { data, files };
}

function nameOf(field) {
  const group = field?.type === "radio" ? field.closest("fieldset")?.querySelector("legend") : null;
  const label = group || field?.labels?.[0];
  return (label?.textContent || field?.name || "A field").trim().replace(/\s+/g, " ").slice(0, 80);
}

/** The fields that a worker fills in. */
function answers(form) {
  return [...form.elements].filter(
    (field) => field.name && !field.matches("button, fieldset, output, [type=submit], [type=hidden], [type=password]"),
  );
}

/** All fields as `[name, value or checked]` in the order of the page, and the names of chosen files. */
function draftOf(form) {
  const fields = [];
  const files = [];
  for (const field of answers(form)) {
    if (field.type === "file") {
      files.push(...[...field.files].map((file) => file.name));
    } else if (field.type === "radio" || field.type === "checkbox") {
      fields.push([field.name, field.checked]);
    } else if (field.multiple) {
      fields.push([field.name, [...field.selectedOptions].map((option) => option.value)]);
    } else {
      fields.push([field.name, field.value]);
    }
  }
  return { fields, files };
}

function restore(form, draft) {
  const left = new Map();
  for (const [name, value] of draft?.fields ?? []) {
    left.set(name, [...(left.get(name) ?? []), value]);
  }
  for (const field of answers(form)) {
    if (field.type === "file") {
      continue;
    }
    const value = left.get(field.name)?.shift();
    if (value === undefined) {
      continue;
    }
    if (typeof value === "boolean") {
      field.checked = value;
    } else if (Array.isArray(value)) {
      for (const option of field.options ?? []) {
        option.selected = value.includes(option.value);
      }
    } else {
      field.value = value;
    }
  }
}
