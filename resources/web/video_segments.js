/* The segments of an answer: what may be, which one is chosen, and what was before. It knows nothing of how they look. */

import { clamp } from "./numbers.js";
import { rounded, timeText } from "./video_times.js";

const MOST = 1000;
const MOST_STEPS = 200;
/** Shorter ones cannot be seen or grasped. */
export const LEAST_SECONDS = 0.02;

/** Fires "change" when segments changed and "select" when another one (or none) is chosen. */
export class Segments extends EventTarget {
  /** `tracks` holds at least one name, "" when there is but one track; `overlap`: whether they may overlap. */
  constructor(tracks, overlap) {
    super();
    this.tracks = tracks;
    this.overlap = overlap;
    this.length = 0;
    this.items = [];
    this.selectedId = 0;
    this._nextId = 1;
    this._undone = [];
    this._done = [];
    this._step = "";
  }

  get selected() {
    return this.find(this.selectedId);
  }

  find(id) {
    return this.items.find((item) => item.id === id) ?? null;
  }

  /** In the order that pages list them: by start. */
  get ordered() {
    return [...this.items].sort((one, other) => one.start - other.start || one.end - other.end || one.id - other.id);
  }

  numberOf(id) {
    return this.ordered.findIndex((item) => item.id === id) + 1;
  }

  onTrack(track) {
    return this.ordered.filter((item) => item.track === track);
  }

  select(id) {
    if (this.selectedId !== id) {
      this.selectedId = this.find(id) ? id : 0;
      this.dispatchEvent(new Event("select"));
    }
  }

  /** What is free on a track around a time: [from, to], without the segment `id`. Null when the time itself is not. */
  freeAround(time, track, id = 0) {
    let [from, to] = [0, this.length];
    if (this.overlap) {
      return [from, to];
    }
    for (const item of this.items) {
      if (item.track !== track || item.id === id) {
        continue;
      }
      if (item.start < time && item.end > time) {
        return null;
      }
      if (item.end <= time) {
        from = Math.max(from, item.end);
      } else {
        to = Math.min(to, item.start);
      }
    }
    return [from, to];
  }

  /** Add one; what others have taken is left to them. Returns it, or a sentence about why it cannot be. */
  add({ label, start, end, track, note = "" }) {
    if (this.items.length >= MOST) {
      return `There are ${MOST} segments; more cannot be sent.`;
    }
    const [one, other] = [clamp(Math.min(start, end), 0, this.length), clamp(Math.max(start, end), 0, this.length)];
    const [from, to] = this.overlap ? [one, other] : this._firstGap(one, other, track);
    if (to - from < LEAST_SECONDS) {
      return other - one < LEAST_SECONDS ? "A segment needs some length." : "There is a segment already.";
    }
    this._remember("");
    const made = { id: this._nextId, label, start: rounded(from), end: rounded(to), track, note };
    this._nextId += 1;
    this.items.push(made);
    this.selectedId = made.id;
    this._changed();
    this.dispatchEvent(new Event("select"));
    return made;
  }

  /** The first free stretch between two times. */
  _firstGap(start, end, track) {
    let from = start;
    for (const item of this.onTrack(track)) {
      if (item.end <= from) {
        continue;
      }
      if (item.start - from >= LEAST_SECONDS) {
        return [from, Math.min(end, item.start)];
      }
      from = item.end;
    }
    return [from, end];
  }

  /** Why a segment cannot be so, or "". */
  fault({ id, start, end, track }) {
    if (start < 0 || end > this.length + 0.0005) {
      return `The video is from 0:00 to ${timeText(this.length)}.`;
    }
    if (end - start < LEAST_SECONDS) {
      return "The end must come after the start.";
    }
    const other = this.overlap
      ? null
      : this.items.find(
          (item) => item.id !== id && item.track === track && item.start < end - 0.0005 && item.end > start + 0.0005,
        );
    return other ? `It would overlap segment ${this.numberOf(other.id)}.` : "";
  }

  /** Change one. Returns "" or why it cannot be. Changes with the same `step` are undone together. */
  change(id, patch, step = "") {
    const item = this.find(id);
    if (!item) {
      return "";
    }
    const wanted = { ...item, ...patch };
    wanted.start = rounded(wanted.start);
    wanted.end = rounded(wanted.end);
    const fault = this.fault(wanted);
    if (fault) {
      return fault;
    }
    this._remember(step && `${id} ${step}`);
    Object.assign(item, wanted);
    this._changed();
    return "";
  }

  remove(id) {
    if (!this.find(id)) {
      return;
    }
    this._remember("");
    this.items = this.items.filter((item) => item.id !== id);
    if (this.selectedId === id) {
      this.selectedId = 0;
    }
    this._changed();
    this.dispatchEvent(new Event("select"));
  }

  /** What came before now is undone by itself. */
  endStep() {
    this._step = "";
  }

  get canUndo() {
    return this._done.length > 0;
  }

  get canRedo() {
    return this._undone.length > 0;
  }

  undo() {
    return this._travel(this._done, this._undone);
  }

  redo() {
    return this._travel(this._undone, this._done);
  }

  /** Take over those of a draft that can still be. */
  restore(items, labels) {
    for (const raw of items ?? []) {
      const track = this.tracks.includes(raw.track ?? "") ? raw.track ?? "" : this.tracks[0];
      if (labels.includes(raw.label) && Number.isFinite(raw.start) && Number.isFinite(raw.end)) {
        this.items.push({
          id: this._nextId, label: raw.label, start: raw.start, end: raw.end, track, note: String(raw.note ?? ""),
        });
        this._nextId += 1;
      }
    }
    this._changed();
  }

  _travel(from, to) {
    const state = from.pop();
    if (!state) {
      return false;
    }
    to.push(this._snapshot());
    this.items = state.map((item) => ({ ...item }));
    this._step = "";
    if (!this.selected) {
      this.selectedId = 0;
    }
    this._changed();
    this.dispatchEvent(new Event("select"));
    return true;
  }

  _snapshot() {
    return this.items.map((item) => ({ ...item }));
  }

  _remember(step) {
    if (!step || step !== this._step) {
      this._done.push(this._snapshot());
      this._done.splice(0, this._done.length - MOST_STEPS);
    }
    this._step = step;
    this._undone = [];
  }

  _changed() {
    this.dispatchEvent(new Event("change"));
  }
}
