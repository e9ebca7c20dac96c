/* One field of a form: its element, its answer and its fault. */

import { icon, make } from "./dom.js";
import { fieldFault, fileFault } from "./form_rules.js";

let count = 0;

/** `told(text)` tells a screen reader; `changed()` after every change by the worker. */
export function makeField(field, told, changed) {
  const kinds = {
    radio: ChoiceField,
    checkbox: ChoiceField,
    slider: SliderField,
    ranking: RankingField,
    file: FileField,
    hidden: HiddenField,
  };
  const Kind = field.type === "select" && field.multiple ? ChoiceField : kinds[field.type] || TextField;
  return new Kind(field, told, changed);
}

class FieldView {
  constructor(field, told, changed) {
    this.field = field;
    this.told = told;
    this.changed = changed;
    count += 1;
    this.id = `fm-${count}`;
    this.faultText = make("p", { class: "cd-fault", id: `${this.id}-fault`, hidden: true });
    this.helpText = make("div", { class: "fm-help", id: `${this.id}-help` });
    this.helpText.innerHTML = field.help || "";
    this.isRequired = Boolean(field.validators?.required);
    this.element = this.build();
  }

  get files() {
    return [];
  }

  fault() {
    return fieldFault(this.field, this.get());
  }

  describedBy() {
    return `${this.faultText.id}${this.field.help ? ` ${this.helpText.id}` : ""}`;
  }

  labelParts() {
    const star = this.isRequired
      ? [make("span", { class: "fm-star", "aria-hidden": "true" }, " *"), make("span", { class: "cd-quiet" }, " (required)")]
      : [];
    return [this.field.label, ...star];
  }

  /** A question with one control. */
  single(control, ...more) {
    const label = make("label", { class: "cd-label", for: this.id }, ...this.labelParts());
    const parts = [label, control, ...more, this.field.help ? this.helpText : null, this.faultText];
    return make("div", { class: "fm-field", title: this.field.tooltip || false }, ...parts);
  }

  /** A question with several controls. */
  group(role, ...controls) {
    const attributes = {
      class: "fm-field fm-group",
      role,
      title: this.field.tooltip || false,
      "aria-describedby": this.describedBy(),
      "aria-required": role === "radiogroup" && this.isRequired ? "true" : false,
    };
    const legend = make("legend", { class: "cd-label" }, ...this.labelParts());
    return make("fieldset", attributes, legend, ...controls, this.field.help ? this.helpText : null, this.faultText);
  }

  common(more = {}) {
    return {
      id: this.id,
      class: "cd-field",
      placeholder: this.field.placeholder || false,
      "aria-describedby": this.describedBy(),
      "aria-required": this.isRequired ? "true" : false,
      ...more,
    };
  }

  showFault(text) {
    this.faultText.textContent = text;
    this.faultText.hidden = !text;
    for (const control of this.controls()) {
      if (text) {
        control.setAttribute("aria-invalid", "true");
      } else {
        control.removeAttribute("aria-invalid");
      }
    }
  }

  controls() {
    return [this.control];
  }

  focus() {
    this.controls()[0]?.focus();
  }
}

class TextField extends FieldView {
  build() {
    const { field } = this;
    const rules = field.validators || {};
    if (field.type === "select") {
      this.control = this._select();
    } else if (field.type === "textarea") {
      this.control = make("textarea", this.common({ rows: 4 }));
    } else {
      const kinds = { input: "text", email: "email", password: "password", number: "number", date: "date" };
      const bounds = ["number", "date"].includes(field.type) ? { min: rules.min, max: rules.max } : {};
      const step = field.type === "number" ? { step: "any", inputmode: "decimal" } : {};
      const complete = field.type === "password" ? { autocomplete: "off" } : {};
      this.control = make("input", this.common({ type: kinds[field.type] || "text", ...bounds, ...step, ...complete }));
    }
    this.control.addEventListener("input", () => this.changed(this));
    this.control.addEventListener("change", () => this.changed(this));
    this.set(field.value);
    return this.single(this.control);
  }

  _select() {
    const options = this.field.options.map(({ value, label }) => make("option", { value }, label));
    if (!this.field.options.some(({ value }) => value === "")) {
      options.unshift(make("option", { value: "" }, this.field.placeholder || "Please choose"));
    }
    return make("select", this.common({ placeholder: false }), ...options);
  }

  get() {
    const { value } = this.control;
    if (this.field.type !== "number") {
      return value.replace(/\r\n?/g, "\n");
    }
    return value === "" ? null : Number(value);
  }

  set(value) {
    this.control.value = value ?? "";
  }

  fault() {
    if (this.control.validity.badInput) {
      return this.field.type === "date" ? "Please give a date that exists." : "Please give a number.";
    }
    return super.fault();
  }
}

class ChoiceField extends FieldView {
  build() {
    const { field } = this;
    const isSingle = field.type === "radio";
    this.inputs = field.options.map(({ value }) =>
      make("input", { type: isSingle ? "radio" : "checkbox", name: this.id, value }),
    );
    const rows = field.options.map(({ label }, place) =>
      make("label", { class: "fm-option" }, this.inputs[place], make("span", {}, label)),
    );
    this.inputs.forEach((input) => input.addEventListener("change", () => this.changed(this)));
    const list = make("div", { class: `fm-options${rows.length > 12 ? " fm-many" : ""}` }, ...rows);
    const built = this.group(isSingle ? "radiogroup" : "group", list);
    this.set(field.value);
    return built;
  }

  get() {
    const on = this.inputs.filter((input) => input.checked).map((input) => input.value);
    if (this.field.type === "radio") {
      return on[0] ?? null;
    }
    if (this.field.type === "select") {
      return on;
    }
    return Object.fromEntries(this.inputs.map((input) => [input.value, input.checked]));
  }

  set(value) {
    for (const input of this.inputs) {
      const isOn = Array.isArray(value) ? value.includes(input.value) : value === input.value || value?.[input.value] === true;
      input.checked = isOn;
    }
  }

  controls() {
    return this.inputs;
  }

  focus() {
    (this.inputs.find((input) => input.checked) ?? this.inputs[0])?.focus();
  }
}

class SliderField extends FieldView {
  build() {
    const { min = 0, max = 100 } = this.field.validators || {};
    this.isSet = false;
    const step = this.field.step || 1;
    this.control = make("input", this.common({ class: "fm-slider", type: "range", min, max, step }));
    this.control.value = String(min + step * Math.round((max - min) / 2 / step));
    this.output = make("output", { class: "fm-value", for: this.id });
    const touch = () => {
      this.isSet = true;
      this._show();
      this.changed(this);
    };
    this.control.addEventListener("input", touch);
    this.control.addEventListener("pointerup", touch);
    this.control.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), touch()));
    this.set(this.field.value);
    const ends = make("div", { class: "fm-ends", "aria-hidden": "true" }, make("span", {}, String(min)), make("span", {}, String(max)));
    return this.single(make("div", { class: "fm-slide" }, this.control, this.output), ends);
  }

  _show() {
    this.output.textContent = this.isSet ? this.control.value : "not set";
    this.control.setAttribute("aria-valuetext", this.isSet ? this.control.value : "not set; move it, or press Enter to keep it here");
  }

  get() {
    return this.isSet ? Number(this.control.value) : null;
  }

  set(value) {
    this.isSet = typeof value === "number";
    if (this.isSet) {
      this.control.value = String(value);
    }
    this._show();
  }
}

class RankingField extends FieldView {
  build() {
    this.isSet = false;
    this.order = this.field.options.map(({ value }) => value);
    this.labels = new Map(this.field.options.map(({ value, label }) => [value, label]));
    this.list = make("ol", { class: "fm-ranking" });
    this.keep = make("button", { class: "cd-button", type: "button", onclick: () => this._moved("This order is kept.") }, "Keep this order");
    const built = this.group("group", this.list, this.keep);
    this.set(this.field.value);
    return built;
  }

  _show() {
    this.keep.hidden = this.isSet;
    this.list.classList.toggle("fm-unset", !this.isSet);
    this.list.replaceChildren(...this.order.map((value, place) => this._row(value, place)));
  }

  _row(value, place) {
    const label = this.labels.get(value);
    const button = (sign, name, to) =>
      make(
        "button",
        { class: "fm-move", type: "button", "aria-label": `Move ${label} ${name}`, disabled: to < 0 || to >= this.order.length },
        sign,
      );
    const [up, down] = [button("↑", "up", place - 1), button("↓", "down", place + 1)];
    up.addEventListener("click", () => this._move(place, place - 1, 0));
    down.addEventListener("click", () => this._move(place, place + 1, 1));
    const row = make("li", { draggable: "true" }, make("span", { class: "fm-rank-label" }, label), up, down);
    row.addEventListener("dragstart", (event) => {
      this.dragged = place;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", label);
    });
    row.addEventListener("dragover", (event) => this.dragged !== undefined && event.preventDefault());
    row.addEventListener("drop", (event) => {
      event.preventDefault();
      if (this.dragged !== undefined) {
        this._move(this.dragged, place, 0);
      }
    });
    row.addEventListener("dragend", () => {
      this.dragged = undefined;
    });
    return row;
  }

  _move(from, to, button) {
    const [value] = this.order.splice(from, 1);
    this.order.splice(to, 0, value);
    this.dragged = undefined;
    this._moved(`${this.labels.get(value)} is now ${to + 1} of ${this.order.length}.`);
    const buttons = [...this.list.children[to].querySelectorAll("button")];
    (buttons[button].disabled ? buttons[1 - button] : buttons[button]).focus();
  }

  _moved(text) {
    this.isSet = true;
    this._show();
    this.told(text);
    this.changed(this);
  }

  get() {
    return this.isSet ? [...this.order] : [];
  }

  set(value) {
    this.isSet = Array.isArray(value) && value.length === this.order.length && value.every((each) => this.labels.has(each));
    if (this.isSet) {
      this.order = [...value];
    }
    this._show();
  }

  controls() {
    return [this.list];
  }

  showFault(text) {
    super.showFault(text);
    this.list.removeAttribute("aria-invalid");
  }

  focus() {
    this.list.querySelector("button:not([disabled])")?.focus();
  }
}

class FileField extends FieldView {
  build() {
    const { field } = this;
    const endings = field.validators?.fileExtension || [];
    const accept = endings.map((end) => `.${end}`).join(",");
    this.control = make("input", this.common({ class: "fm-file", type: "file", accept: accept || false, multiple: Boolean(field.multiple) }));
    this.preview = make("div", { class: "fm-preview" });
    this.control.addEventListener("change", () => {
      this._preview();
      this.changed(this);
    });
    return this.single(this.control, this.preview);
  }

  _preview() {
    for (const shown of this.preview.children) {
      URL.revokeObjectURL(shown.src);
    }
    const shown = this.field.show_preview ? this.files.filter((file) => file.type.startsWith("image/")) : [];
    this.preview.replaceChildren(
      ...shown.map((file) => make("img", { src: URL.createObjectURL(file), alt: `The chosen picture ${file.name}` })),
    );
  }

  get files() {
    return [...this.control.files];
  }

  get() {
    return null;
  }

  set() {
    // a page cannot bring a file back; the worker is asked to choose it again
  }

  fault() {
    return fileFault(this.field, this.files);
  }
}

class HiddenField extends FieldView {
  build() {
    return make("div", { hidden: true });
  }

  get() {
    return this.field.value ?? "";
  }

  set() {
    // what is hidden is not the worker's to change
  }

  fault() {
    return "";
  }

  controls() {
    return [];
  }
}

/** The button that takes an entry of a repeated block away. */
export function removeButton(name, act) {
  return make("button", { class: "cd-button cd-plain fm-remove", type: "button", "aria-label": `Remove ${name}`, onclick: act }, icon("trash"), "Remove");
}
