/* A form that is described in JSON: sections, fieldsets, rows and fields, conditions, repeated blocks. */

import { icon, make } from "./dom.js";
import { makeField, removeButton } from "./form_fields.js";
import { holds } from "./form_rules.js";
import { runTask } from "./shell.js";

runTask({
  show(frame) {
    const page = new FormPage(frame);
    return page.control();
  },
});

class FormPage {
  constructor(frame) {
    this.frame = frame;
    this.form = structuredClone(frame.data.form || { title: "", sections: [] });
    this.parts = [];
    this.custom = null;
    this.element = make("form", { class: "fm-form", id: "task-form", novalidate: true });
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      frame.submit();
    });
    this.summary = make("div", { class: "fm-summary", role: "group", "aria-labelledby": "fm-summary-title", tabindex: "-1", hidden: true });
    this._build();
    frame.root.append(this.element);
    this._loadCustom();
    this._restore(frame.draft);
    this._refresh();
  }

  control() {
    const missing = this.frame.draft?.files ?? [];
    return {
      submitText: this.form.submit_button?.text,
      note: missing.length ? `Please choose again: ${missing.join(", ")}. A page cannot keep files.` : "",
      collect: () => this._collect(),
      draft: () => this._draft(),
      lock: (locked) => this.element.toggleAttribute("inert", locked),
      focus: () => this._focus(),
    };
  }

  async _loadCustom() {
    if (!this.frame.config.custom_rules || this.frame.onboarding) {
      return;
    }
    try {
      this.custom = await import(this.frame.config.custom_rules);
    } catch (error) {
      console.warn("The requester's own checks cannot be loaded.", error);
    }
  }

  // --- building

  _build() {
    const { form } = this;
    const words = [withHtml("h2", "fm-title", form.title)];
    if (form.instruction && form.show_instructions_as_modal) {
      words.push(this._dialogButton(form.instruction));
    } else {
      words.push(withHtml("div", "fm-instruction", form.instruction));
    }
    this.element.append(...words.filter(Boolean), this.summary, ...form.sections.map((section) => this._section(section)));
    const last = withHtml("div", "fm-instruction", form.submit_button?.instruction);
    if (last) {
      this.element.append(last);
    }
  }

  _dialogButton(text) {
    const dialog = make("dialog", { class: "cd-dialog", "aria-label": "Instructions" }, withHtml("div", "fm-instruction", text));
    const close = make("button", { class: "cd-button cd-first", type: "button", onclick: () => dialog.close() }, "Close");
    dialog.append(make("div", { class: "cd-actions" }, close));
    const button = make("button", { class: "cd-button", type: "button", onclick: () => dialog.showModal() }, icon("eye"), "Instructions");
    return make("div", { class: "fm-instruction" }, button, dialog);
  }

  _section(section) {
    const isFolding = section.collapsable !== false && section.title;
    const inner = make("div", { class: "fm-inner" }, withHtml("div", "fm-instruction", section.instruction));
    inner.append(...section.fieldsets.map((fieldset) => this._fieldset(fieldset, section)));
    const heading = section.title ? withHtml("h3", "fm-heading", section.title) : null;
    const element = isFolding
      ? make("details", { class: "fm-section cd-panel", open: !section.initially_collapsed }, make("summary", {}, heading), inner)
      : make("section", { class: "fm-section cd-panel" }, heading, inner);
    section.part = { element, condition: section.show_if };
    return element;
  }

  _fieldset(fieldset, section) {
    const instruction = withHtml("div", "fm-instruction", fieldset.instruction);
    const legend = fieldset.title ? withHtml("legend", "fm-legend", fieldset.title) : null;
    const element = make(fieldset.title ? "fieldset" : "div", { class: "fm-set" }, legend, instruction);
    const part = { fieldset, section, element, entries: [], condition: fieldset.show_if };
    this.parts.push(part);
    if (fieldset.repeat) {
      part.list = make("div", { class: "fm-entries" });
      const { label } = fieldset.repeat;
      const add = () => this._focusEntry(part, this._addEntry(part));
      part.add = make("button", { class: "cd-button", type: "button", onclick: add }, icon("plus"), `Add ${label || "another"}`);
      element.append(part.list, part.add);
      for (let number = 0; number < fieldset.repeat.minimum; number += 1) {
        this._addEntry(part);
      }
    } else {
      const entry = this._entry(part);
      part.entries.push(entry);
      element.append(...entry.rows.map((row) => row.element));
    }
    const help = withHtml("div", "fm-help", fieldset.help);
    if (help) {
      element.append(help);
    }
    return element;
  }

  _entry(part) {
    const rows = part.fieldset.rows.map((row) => {
      const fields = row.fields.map((field) => {
        const view = makeField(field, this.frame.say, (changed) => this._changed(changed));
        return { view, condition: field.show_if };
      });
      const inner = make("div", { class: "fm-row" }, ...fields.map(({ view }) => view.element));
      return { fields, condition: row.show_if, element: make("div", {}, inner, withHtml("div", "fm-help", row.help)) };
    });
    return { rows };
  }

  _addEntry(part) {
    const entry = this._entry(part);
    const remove = removeButton("", () => this._removeEntry(part, entry));
    entry.title = make("legend", { class: "fm-legend" });
    entry.remove = remove;
    entry.element = make("fieldset", { class: "fm-entry" }, entry.title, ...entry.rows.map((row) => row.element), remove);
    part.entries.push(entry);
    part.list.append(entry.element);
    this._nameEntries(part);
    return entry;
  }

  _removeEntry(part, entry) {
    const place = part.entries.indexOf(entry);
    part.entries.splice(place, 1);
    entry.element.remove();
    this._nameEntries(part);
    this.frame.say("Removed.");
    const next = part.entries[Math.min(place, part.entries.length - 1)];
    (next && !next.remove.hidden ? next.remove : part.add).focus();
    this._changed();
  }

  _nameEntries(part) {
    const { minimum, maximum, label } = part.fieldset.repeat;
    part.entries.forEach((entry, place) => {
      const name = `${label || "Entry"} ${place + 1}`;
      entry.title.textContent = name;
      entry.remove.setAttribute("aria-label", `Remove ${name}`);
      entry.remove.hidden = part.entries.length <= minimum;
    });
    part.add.hidden = part.entries.length >= maximum;
  }

  _focusEntry(part, entry) {
    this._changed();
    entry.rows[0]?.fields[0]?.view.focus();
  }

  // --- what is shown

  _changed(view) {
    if (view && !view.faultText.hidden) {
      view.showFault(view.fault());
    }
    this._refresh();
    this.frame.changed();
  }

  /** Show and hide by the conditions, in the order of the form; gives `{view, wire, entry, part}` of what is shown. */
  _refresh() {
    const seen = new Map();
    const shown = [];
    for (const part of this.parts) {
      const { section } = part;
      if (section.part.at !== seen) {
        section.part.at = seen;
        section.part.isShown = holds(section.part.condition, seen);
        section.part.element.hidden = !section.part.isShown;
      }
      const isShown = section.part.isShown && holds(part.condition, seen);
      part.element.hidden = !isShown;
      part.isShown = isShown;
      if (!isShown) {
        continue;
      }
      part.entries.forEach((entry, number) => {
        const inner = part.fieldset.repeat ? new Map(seen) : seen;
        this._refreshEntry(part, entry, number, inner, shown);
      });
    }
    return shown;
  }

  _refreshEntry(part, entry, number, seen, shown) {
    for (const row of entry.rows) {
      const rowShown = holds(row.condition, seen);
      let isEmpty = true;
      for (const { view, condition } of rowShown ? row.fields : []) {
        const isShown = holds(condition, seen);
        view.element.hidden = !isShown || view.field.type === "hidden";
        if (!isShown) {
          continue;
        }
        const isFile = view.field.type === "file";
        seen.set(view.field.name, isFile ? (view.files.length ? ["file"] : null) : view.get());
        const wire = part.fieldset.repeat ? `${part.fieldset.name}.${number}.${view.field.name}` : view.field.name;
        shown.push({ view, wire, part, number });
        isEmpty &&= view.element.hidden;
      }
      row.element.hidden = isEmpty;
    }
  }

  // --- handing in

  _collect() {
    const shown = this._refresh();
    const faults = [];
    for (const place of shown) {
      const text = place.view.fault() || this._customFault(place.view);
      place.view.showFault(text);
      if (text) {
        faults.push({ ...place, text });
      }
    }
    this._showSummary(faults);
    if (faults.length) {
      return null;
    }
    const data = {};
    const files = [];
    for (const part of this.parts) {
      if (part.isShown && part.fieldset.repeat) {
        data[part.fieldset.name] = part.entries.map(() => ({}));
      }
    }
    for (const { view, wire, part, number } of shown) {
      if (view.field.type === "file") {
        files.push(...view.files.map((file) => ({ field: wire, file })));
      } else {
        (part.fieldset.repeat ? data[part.fieldset.name][number] : data)[view.field.name] = view.get();
      }
    }
    return { data, files };
  }

  _customFault(view) {
    for (const [name, value] of Object.entries(view.field.validators || {})) {
      const ask = this.custom && Object.hasOwn(this.custom, name) ? this.custom[name] : null;
      const text = ask ? ask(view.field, view.get(), ...(Array.isArray(value) ? value : [value])) : null;
      if (text) {
        return String(text);
      }
    }
    return "";
  }

  _showSummary(faults) {
    this.summary.hidden = !faults.length;
    if (!faults.length) {
      return;
    }
    const words = faults.length === 1 ? "1 answer is missing or needs a change" : `${faults.length} answers are missing or need a change`;
    const list = faults.map(({ view, text, part, number }) => {
      const name = part.fieldset.repeat ? `${part.fieldset.repeat.label || "Entry"} ${number + 1}, ${view.field.label}` : view.field.label;
      const link = make("a", { href: `#${view.id}` }, `${name}: ${text}`);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        this._point(view, part);
      });
      return make("li", {}, link);
    });
    this.summary.replaceChildren(make("p", { class: "fm-summary-title", id: "fm-summary-title" }, `${words}.`), make("ul", {}, ...list));
    for (const { part } of faults) {
      openFold(part);
    }
    this.frame.foot(`${words}.`, "bad");
    this.frame.say(`${words}. ${faults[0].view.field.label}: ${faults[0].text}`);
    this._point(faults[0].view, faults[0].part);
  }

  _point(view, part) {
    openFold(part);
    view.element.scrollIntoView({ block: "center" });
    view.focus();
  }

  _focus() {
    const shown = this._refresh().filter(({ view }) => view.field.type !== "hidden");
    (shown.find(({ view }) => !view.faultText.hidden) ?? shown[0])?.view.focus();
  }

  // --- drafts

  _draft() {
    const kept = (entry) => {
      const views = entry.rows.flatMap((row) => row.fields.map(({ view }) => view));
      const fields = views.filter((view) => !["password", "file", "hidden"].includes(view.field.type));
      return fields.map((view) => [view.field.name, view.get()]);
    };
    const views = this.parts.flatMap((part) => part.entries.flatMap((entry) => entry.rows.flatMap((row) => row.fields)));
    return {
      parts: this.parts.map((part) => part.entries.map(kept)),
      files: views.flatMap(({ view }) => view.files.map((file) => file.name)),
    };
  }

  _restore(draft) {
    this.parts.forEach((part, place) => {
      const entries = draft?.parts?.[place] ?? [];
      while (part.fieldset.repeat && draft?.parts && part.entries.length < Math.min(entries.length, part.fieldset.repeat.maximum)) {
        this._addEntry(part);
      }
      entries.forEach((answers, number) => {
        const values = new Map(answers);
        for (const { view } of part.entries[number]?.rows.flatMap((row) => row.fields) ?? []) {
          if (values.has(view.field.name)) {
            view.set(values.get(view.field.name));
          }
        }
      });
    });
  }
}

function openFold({ section }) {
  if (section.part.element instanceof HTMLDetailsElement) {
    section.part.element.open = true;
  }
}

/** An element with HTML that the program has cleaned; null when there is none. */
function withHtml(tag, name, text) {
  if (!text) {
    return null;
  }
  const element = make(tag, { class: name });
  element.innerHTML = text;
  return element;
}
