/* The timeline under a video: tracks as rows, segments drawn, moved and resized by mouse and touch, and zoomed. */

import { make } from "./dom.js";
import { clamp } from "./numbers.js";
import { LEAST_SECONDS } from "./video_segments.js";
import { pictureTime, timeText } from "./video_times.js";

const MOST_PIXELS_PER_SECOND = 400;
const STEP = 1.5;
const SNAP_PIXELS = 6;
const DRAW_PIXELS = 5;
const TICK_PIXELS = 90;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

/**
 * `options`: `colourOf(label)`, `seek(time)`, `draw(start, end, track)` when one was drawn, `open(id)` when one was
 * clicked, `track(name)` when another track was chosen, `fps()`.
 */
export class VideoTimeline {
  constructor(segments, options) {
    this.segments = segments;
    this.options = options;
    this.track = segments.tracks[0];
    this.time = 0;
    this.zoom = 1;
    this.isLocked = false;
    this._nodes = new Map();
    this._drag = null;
    this._build();
    segments.addEventListener("change", () => this.show());
    segments.addEventListener("select", () => this.show());
    new ResizeObserver(() => this.show()).observe(this.scroller);
  }

  _build() {
    const { tracks } = this.segments;
    const isNamed = tracks.length > 1 || tracks[0] !== "";
    this.ruler = make("div", {
      class: "vl-ruler", role: "slider", tabindex: "0", "aria-label": "Time in the video", "aria-valuemin": "0",
    });
    this.ticks = make("div", { class: "vl-ticks", "aria-hidden": "true" });
    this.ruler.append(this.ticks);
    this.lanes = tracks.map((track) => {
      const lane = make("div", { class: "vl-lane", role: "group", "aria-label": track ? `Track ${track}` : "Segments" });
      lane.addEventListener("pointerdown", (event) => this._laneDown(event, lane, track));
      return lane;
    });
    this.playhead = make("div", { class: "vl-playhead", "aria-hidden": "true" });
    this.mark = make("div", { class: "vl-mark", "aria-hidden": "true", hidden: true });
    this.ghost = make("div", { class: "vl-ghost", "aria-hidden": "true", hidden: true });
    this.inner = make("div", { class: "vl-inner" }, this.ruler, ...this.lanes, this.mark, this.ghost, this.playhead);
    this.scroller = make("div", { class: "vl-scroll" }, this.inner);
    this.names = tracks.map((track) => {
      const words = make("button", { class: "vl-name", type: "button", "aria-label": `Mark on track ${track}` }, track);
      words.addEventListener("click", () => this.useTrack(track));
      return words;
    });
    const names = isNamed ? make("div", { class: "vl-names" }, make("div", { class: "vl-corner" }), ...this.names) : null;
    this.root = make("div", { class: `vl-lines${isNamed ? " vl-named" : ""}` }, names, this.scroller);
    this.ruler.addEventListener("pointerdown", (event) => this._scrub(event));
    this.scroller.addEventListener("scroll", () => this._showTicks());
    this.scroller.addEventListener("wheel", (event) => this._wheel(event), { passive: false });
    this.inner.addEventListener("pointermove", (event) => this._move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      this.inner.addEventListener(name, (event) => this._drop(event, name === "pointercancel"));
    }
    this.useTrack(this.track);
  }

  // --- what is shown

  get scale() {
    return this.segments.length ? (this._room * this.zoom) / this.segments.length : 0;
  }

  get _room() {
    return Math.max(50, this.scroller.clientWidth);
  }

  get _mostZoom() {
    return Math.max(1, (MOST_PIXELS_PER_SECOND * this.segments.length) / this._room);
  }

  useTrack(track) {
    this.track = track;
    this.names.forEach((words, place) => words.setAttribute("aria-pressed", String(this.segments.tracks[place] === track)));
    this.lanes.forEach((lane, place) => lane.classList.toggle("vl-current", this.segments.tracks[place] === track));
    this.options.track(track);
  }

  lock(locked) {
    this.isLocked = locked;
    this.lanes.forEach((lane) => lane.toggleAttribute("inert", locked));
  }

  zoomBy(factor, at = null) {
    const anchor = at ?? (this._isInView(this.time) ? this.time * this.scale - this.scroller.scrollLeft : this._room / 2);
    const time = (this.scroller.scrollLeft + anchor) / (this.scale || 1);
    this.zoom = clamp(this.zoom * factor, 1, this._mostZoom);
    this.show();
    this.scroller.scrollLeft = time * this.scale - anchor;
  }

  fit() {
    this.zoom = 1;
    this.show();
  }

  /** Move the line of the playhead; `follow`: keep it in view. */
  showTime(time, follow) {
    this.time = time;
    const place = time * this.scale;
    this.playhead.style.transform = `translateX(${place}px)`;
    this.ruler.setAttribute("aria-valuenow", time.toFixed(3));
    this.ruler.setAttribute("aria-valuetext", timeText(time));
    if (follow && !this._isInView(time)) {
      this.scroller.scrollLeft = Math.max(0, place - this._room * 0.2);
    }
  }

  /** Show where a segment was begun; null: nowhere. */
  showMark(mark) {
    this.marked = mark;
    this.mark.hidden = mark === null;
    if (mark) {
      this.mark.style.transform = `translateX(${mark.time * this.scale}px)`;
    }
  }

  show() {
    const { segments, scale } = this;
    this.inner.style.width = `${Math.max(1, this._room * this.zoom)}px`;
    this.ruler.setAttribute("aria-valuemax", segments.length.toFixed(3));
    const gone = new Set(this._nodes.keys());
    const shownOn = new Map(segments.tracks.map((track, place) => [track, { lane: this.lanes[place], count: 0 }]));
    segments.ordered.forEach((item, place) => {
      const row = shownOn.get(item.track);
      gone.delete(item.id);
      this._showSegment(item, place + 1, row.lane, row.count, scale);
      row.count += 1;
    });
    for (const id of gone) {
      this._nodes.get(id).remove();
      this._nodes.delete(id);
    }
    this.showTime(this.time, false);
    this.showMark(this.marked ?? null);
    this._showTicks();
  }

  focusSegment(id) {
    this._nodes.get(id)?.focus({ preventScroll: true });
    const item = this.segments.find(id);
    if (item && !this._isInView(item.start)) {
      this.scroller.scrollLeft = Math.max(0, item.start * this.scale - 30);
    }
  }

  _isInView(time) {
    const place = time * this.scale - this.scroller.scrollLeft;
    return place >= 0 && place <= this._room;
  }

  _showSegment(item, number, lane, order, scale) {
    let node = this._nodes.get(item.id);
    if (!node) {
      node = this._makeSegment(item.id);
      this._nodes.set(item.id, node);
    }
    if (lane.children[order] !== node) {
      const hadFocus = node === document.activeElement;
      lane.insertBefore(node, lane.children[order] ?? null);
      if (hadFocus) {
        node.focus({ preventScroll: true });
      }
    }
    const chosen = item.id === this.segments.selectedId;
    const key = [number, item.label, item.track, item.start, item.end, scale, chosen].join("|");
    if (node.shown === key) {
      return; // of a thousand segments one has changed
    }
    node.shown = key;
    const where = item.track ? `, ${item.track}` : "";
    node.style.left = `${item.start * scale}px`;
    node.style.width = `${Math.max(3, (item.end - item.start) * scale)}px`;
    node.style.setProperty("--il-colour", this.options.colourOf(item.label));
    node.firstChild.textContent = `${number} ${item.label}`;
    node.setAttribute("aria-label", `Segment ${number}: ${item.label}${where}, ${timeText(item.start)} to ${timeText(item.end)}`);
    node.toggleAttribute("data-chosen", chosen);
    node.setAttribute("aria-current", String(chosen));
  }

  _makeSegment(id) {
    const node = make(
      "button",
      { class: "vl-segment", type: "button", "data-id": String(id) },
      make("span", { class: "vl-words" }),
      make("span", { class: "vl-handle", "data-end": "start" }),
      make("span", { class: "vl-handle", "data-end": "end" }),
    );
    node.addEventListener("focus", () => this.segments.select(id));
    node.addEventListener("click", (event) => event.detail === 0 && this.options.open(id));
    node.addEventListener("dblclick", () => this.options.open(id));
    node.addEventListener("pointerdown", (event) => this._segmentDown(event, id));
    return node;
  }

  /** Only the ticks that can be seen: an hour at the largest zoom has more than a page can hold. */
  _showTicks() {
    const { scale, ticks } = this;
    if (!scale) {
      ticks.replaceChildren();
      return;
    }
    const every = TICKS.find((seconds) => seconds * scale >= TICK_PIXELS) ?? TICKS[TICKS.length - 1];
    const first = Math.max(0, Math.floor(this.scroller.scrollLeft / scale / every) - 1);
    const last = Math.ceil((this.scroller.scrollLeft + this._room) / scale / every);
    const made = [];
    for (let number = first; number <= last && number * every <= this.segments.length; number += 1) {
      const words = every < 1 ? timeText(number * every).slice(0, -2) : timeText(number * every).slice(0, -4);
      const tick = make("span", { class: "vl-tick" }, words);
      tick.style.left = `${number * every * scale}px`;
      made.push(tick);
    }
    ticks.replaceChildren(...made);
  }

  // --- pointers

  _timeAt(event) {
    const left = this.inner.getBoundingClientRect().left;
    return clamp((event.clientX - left) / (this.scale || 1), 0, this.segments.length);
  }

  /** The time of a picture, of the playhead or of another segment's end, when one is near. */
  _snapped(time, id) {
    const near = SNAP_PIXELS / (this.scale || 1);
    const places = [this.time, ...this.segments.items.filter((item) => item.id !== id).flatMap((item) => [item.start, item.end])];
    const best = places.reduce((one, other) => (Math.abs(other - time) < Math.abs(one - time) ? other : one), Infinity);
    if (Math.abs(best - time) <= near) {
      return best;
    }
    const fps = this.options.fps();
    return clamp(pictureTime(Math.round(time * fps), fps), 0, this.segments.length);
  }

  _wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoomBy(event.deltaY < 0 ? STEP : 1 / STEP, event.clientX - this.scroller.getBoundingClientRect().left);
    }
  }

  _scrub(event) {
    if (event.button === 0) {
      this.ruler.focus({ preventScroll: true });
      this._begin(event, { kind: "scrub" });
      this.options.seek(this._timeAt(event));
    }
  }

  _segmentDown(event, id) {
    const item = this.segments.find(id);
    if (event.button !== 0 || this.isLocked || !item) {
      return;
    }
    event.stopPropagation();
    event.preventDefault();
    this.focusSegment(id);
    this.segments.endStep();
    const kind = event.target.dataset.end ?? "move";
    this._begin(event, { kind, id, grip: this._timeAt(event), start: item.start, end: item.end, x: event.clientX });
  }

  _laneDown(event, lane, track) {
    if (event.button !== 0 || this.isLocked || !this.segments.length) {
      return;
    }
    this.useTrack(track);
    this.segments.select(0);
    const canDraw = event.pointerType !== "touch"; // a finger scrolls here; it marks with the buttons
    this._begin(event, { kind: canDraw ? "draw" : "tap", track, lane, from: this._snapped(this._timeAt(event), 0), x: event.clientX });
  }

  _begin(event, drag) {
    this._drag = { ...drag, pointer: event.pointerId, moved: false };
    if (drag.kind !== "tap") {
      this.inner.setPointerCapture(event.pointerId);
    }
  }

  _move(event) {
    const drag = this._drag;
    if (!drag || event.pointerId !== drag.pointer) {
      return;
    }
    if (drag.kind === "scrub") {
      this.options.seek(this._timeAt(event));
      return;
    }
    drag.moved = drag.moved || Math.abs(event.clientX - drag.x) >= DRAW_PIXELS;
    if (!drag.moved) {
      return;
    }
    if (drag.kind === "draw") {
      this._showGhost(drag, this._snapped(this._timeAt(event), 0));
    } else if (drag.kind !== "tap") {
      this._dragSegment(drag, this._timeAt(event));
    }
  }

  _showGhost(drag, to) {
    const free = this.segments.freeAround(drag.from, drag.track);
    drag.to = free ? clamp(to, ...free) : drag.from;
    const [start, end] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    this.ghost.hidden = false;
    this.ghost.style.left = `${start * this.scale}px`;
    this.ghost.style.width = `${(end - start) * this.scale}px`;
    this.ghost.style.top = `${drag.lane.offsetTop}px`;
    this.ghost.style.height = `${drag.lane.offsetHeight}px`;
  }

  _dragSegment(drag, time) {
    const item = this.segments.find(drag.id);
    if (!item) {
      return;
    }
    const free = this.segments.freeAround((drag.start + drag.end) / 2, item.track, item.id) ?? [drag.start, drag.end];
    const length = drag.end - drag.start;
    let patch;
    if (drag.kind === "start") {
      patch = { start: clamp(this._snapped(time, item.id), free[0], drag.end - LEAST_SECONDS) };
    } else if (drag.kind === "end") {
      patch = { end: clamp(this._snapped(time, item.id), drag.start + LEAST_SECONDS, free[1]) };
    } else {
      const start = clamp(this._snapped(drag.start + time - drag.grip, item.id), free[0], free[1] - length);
      patch = { start, end: start + length };
    }
    this.segments.change(item.id, patch, "drag");
    if (drag.kind !== "move") {
      this.options.seek(patch.start ?? patch.end);
    }
  }

  _drop(event, cancelled) {
    const drag = this._drag;
    if (!drag || event.pointerId !== drag.pointer) {
      return;
    }
    this._drag = null;
    this.ghost.hidden = true;
    this.segments.endStep();
    if (cancelled || drag.kind === "scrub") {
      return;
    }
    if (drag.kind === "draw" && drag.moved) {
      this.options.draw(drag.from, drag.to ?? drag.from, drag.track);
    } else if (drag.kind === "draw" || drag.kind === "tap") {
      this.options.seek(this._timeAt(event));
    }
  }
}
