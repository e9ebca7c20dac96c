/* The segments as a list: each one labelled, its times editable as text, its note beside it. */

import { icon, make } from "./dom.js";
import { readTime, timeText } from "./video_times.js";

/** `options`: `labels`, `notes`, `colourOf(label)`, `open(id)`, `now()`, `remove(id)`, `say(text)`. */
export class SegmentList {
  constructor(segments, options) {
    this.segments = segments;
    this.options = options;
    this._rows = new Map();
    this.note = make("p", { class: "cd-note" });
    this.list = make("ol", { class: "vl-list" });
    this.root = make("section", {}, make("h2", { class: "il-head" }, "Segments"), this.note, this.list);
    segments.addEventListener("change", () => this.show());
    segments.addEventListener("select", () => this._showChosen());
  }

  /** The first field whose text is no time that can be, or null. */
  get wrong() {
    return this.list.querySelector("[aria-invalid=true]");
  }

  setNote(text) {
    this.note.textContent = text;
    this.note.hidden = !text || this.segments.items.length > 0;
  }

  show() {
    const { ordered } = this.segments;
    const gone = new Set(this._rows.keys());
    ordered.forEach((item, place) => {
      gone.delete(item.id);
      const row = this._rows.get(item.id) ?? this._makeRow(item);
      this._rows.set(item.id, row);
      if (this.list.children[place] !== row.node) {
        const focused = row.node.contains(document.activeElement) ? document.activeElement : null;
        this.list.insertBefore(row.node, this.list.children[place] ?? null);
        focused?.focus({ preventScroll: true });
      }
      this._fill(row, item, place + 1);
    });
    for (const id of gone) {
      this._rows.get(id).node.remove();
      this._rows.delete(id);
    }
    this.note.hidden = !this.note.textContent || ordered.length > 0;
    this._showChosen();
  }

  _showChosen() {
    for (const [id, row] of this._rows) {
      row.node.classList.toggle("il-chosen", id === this.segments.selectedId);
    }
  }

  _makeRow(item) {
    const { id } = item;
    const { labels, notes, open, remove } = this.options;
    const { tracks } = this.segments;
    const find = make("button", { class: "il-find", type: "button", onclick: () => open(id) });
    const label = choice(labels, (value) => this.segments.change(id, { label: value }));
    const bin = make("button", { class: "il-tool", type: "button", onclick: () => remove(id) }, icon("trash"));
    const fault = make("p", { class: "vl-fault", id: `vl-fault-${id}`, hidden: true });
    const row = { id, find, label, bin, fault, track: null, note: null, shown: "" };
    row.start = this._timeField(row, "start");
    row.end = this._timeField(row, "end");
    row.here = ["start", "end"].map((which) => this._hereButton(row, which));
    const first = make("div", { class: "vl-row-top" }, find, label, bin);
    const times = make("div", { class: "vl-row-times" }, row.start, row.here[0], row.end, row.here[1]);
    row.node = make("li", {}, first, times, fault);
    if (tracks.length > 1) {
      row.track = choice(tracks, (value) => {
        const reason = this.segments.change(id, { track: value });
        row.track.value = this.segments.find(id)?.track ?? value;
        this._tell(row, reason);
      });
      row.node.append(row.track);
    }
    if (notes) {
      row.note = make("input", { class: "cd-field", type: "text", maxlength: "1000", placeholder: "Note", autocomplete: "off" });
      row.note.addEventListener("input", () => this.segments.change(id, { note: row.note.value }, "note"));
      row.note.addEventListener("change", () => this.segments.endStep());
      row.node.append(row.note);
    }
    row.node.addEventListener("focusin", () => this.segments.select(id));
    return row;
  }

  _timeField(row, which) {
    const field = make("input", {
      class: "cd-field vl-time-field", type: "text", inputmode: "decimal", autocomplete: "off", "aria-describedby": row.fault.id,
    });
    field.addEventListener("change", () => {
      const time = readTime(field.value);
      const reason = time === null ? "Write a time such as 0:01.250." : this.segments.change(row.id, { [which]: time });
      field.toggleAttribute("aria-invalid", false);
      if (reason) {
        field.setAttribute("aria-invalid", "true");
      } else {
        row.start.removeAttribute("aria-invalid");
        row.end.removeAttribute("aria-invalid");
        row.shown = "";
        this.show();
      }
      this._tell(row, reason);
    });
    return field;
  }

  _hereButton(row, which) {
    const words = which === "start" ? "markin" : "markout";
    const here = make("button", { class: "il-tool vl-here", type: "button" }, icon(words));
    here.addEventListener("click", () => {
      const reason = this.segments.change(row.id, { [which]: this.options.now() });
      if (!reason) {
        row[which].removeAttribute("aria-invalid");
        row.shown = "";
        this.show();
      }
      this._tell(row, reason);
    });
    return here;
  }

  _tell(row, reason) {
    row.fault.textContent = reason;
    row.fault.hidden = !reason;
    if (reason) {
      this.options.say(reason);
    }
  }

  _fill(row, item, number) {
    const key = [number, item.label, item.track, item.start, item.end, item.note].join("|");
    if (row.shown === key) {
      return; // of a thousand segments one has changed
    }
    row.shown = key;
    row.node.style.setProperty("--il-colour", this.options.colourOf(item.label));
    row.find.textContent = String(number);
    row.find.setAttribute("aria-label", `Play segment ${number}, ${item.label}`);
    row.label.value = item.label;
    row.label.setAttribute("aria-label", `Label of segment ${number}`);
    row.bin.setAttribute("aria-label", `Delete segment ${number}`);
    for (const [place, which] of ["start", "end"].entries()) {
      row[which].setAttribute("aria-label", `${which === "start" ? "Start" : "End"} of segment ${number}`);
      const words = `Segment ${number} ${which === "start" ? "starts" : "ends"} at the time shown`;
      row.here[place].setAttribute("aria-label", words);
      row.here[place].title = words;
      if (row[which].getAttribute("aria-invalid") !== "true") {
        row[which].value = timeText(item[which]);
      }
    }
    if (!row.node.querySelector("[aria-invalid=true]")) {
      row.fault.hidden = true;
    }
    if (row.track) {
      row.track.value = item.track;
      row.track.setAttribute("aria-label", `Track of segment ${number}`);
    }
    if (row.note) {
      row.note.setAttribute("aria-label", `Note on segment ${number}`);
      if (row.note.value !== item.note) {
        row.note.value = item.note;
      }
    }
  }
}

function choice(values, changed) {
  const field = make("select", { class: "cd-field" }, ...values.map((value) => make("option", { value }, value)));
  field.addEventListener("change", () => changed(field.value));
  return field;
}
