/* Mouse and touch on an image: draw, drag and resize boxes, move, pinch and wheel. */

import { make } from "./dom.js";
import { clamp } from "./numbers.js";

/** Listens on `view.stage` and calls the view; keeps no box of its own. */
export class ImagePointer {
  constructor(view) {
    this.view = view;
    this._pointers = new Map();
    this._gesture = null;
    const { stage } = view;
    stage.addEventListener("pointerdown", (event) => this._down(event));
    stage.addEventListener("pointermove", (event) => this._move(event));
    stage.addEventListener("pointerup", (event) => this._up(event));
    stage.addEventListener("pointercancel", (event) => this._up(event));
    stage.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const lines = event.deltaMode === 1 ? 16 : 1;
        view.zoom(Math.exp(-clamp(event.deltaY * lines, -200, 200) * 0.002), this._at(event));
      },
      { passive: false },
    );
  }

  _at(event) {
    const frame = this.view.stage.getBoundingClientRect();
    return { x: event.clientX - frame.left - this.view.stage.clientLeft, y: event.clientY - frame.top - this.view.stage.clientTop };
  }

  _onImage(point) {
    return { x: (point.x - this.view.x) / this.view.scale, y: (point.y - this.view.y) / this.view.scale };
  }

  _down(event) {
    if (event.button > 1 || !this.view.width) {
      return;
    }
    event.preventDefault();
    this.view.stage.setPointerCapture(event.pointerId);
    const point = this._at(event);
    this._pointers.set(event.pointerId, point);
    if (this._pointers.size === 2) {
      this._cancel();
      this._gesture = { kind: "pinch" };
      return;
    }
    const node = event.target.closest(".il-box");
    const index = this.view.indexOf(node);
    const start = this._onImage(point);
    const isPan = event.button === 1 || this.view.tool === "move" || this.view.isLocked;
    if (index >= 0 && event.button === 0 && !this.view.isLocked) {
      this.view.focusBox(index);
      const handle = event.target.dataset.handle;
      this._gesture = { kind: handle ? "resize" : "drag", handle, index, start, from: { ...this.view.boxes[index] } };
    } else if (isPan) {
      this.view.stage.focus({ preventScroll: true });
      this._gesture = { kind: "pan" };
    } else {
      this.view.stage.focus({ preventScroll: true });
      const inside = start.x >= 0 && start.y >= 0 && start.x <= this.view.width && start.y <= this.view.height;
      this._gesture = inside ? { kind: "draw", start, ghost: null } : { kind: "pan" };
    }
  }

  _move(event) {
    const last = this._pointers.get(event.pointerId);
    if (!last || !this._gesture) {
      return;
    }
    const point = this._at(event);
    const gesture = this._gesture;
    if (gesture.kind === "pinch") {
      this._pinch(event.pointerId, last, point);
    } else if (gesture.kind === "pan") {
      this.view.pan(point.x - last.x, point.y - last.y);
    } else if (gesture.kind === "draw") {
      this._drawGhost(gesture, this._onImage(point));
    } else {
      this._dragBox(gesture, this._onImage(point));
    }
    this._pointers.set(event.pointerId, point);
  }

  _up(event) {
    if (!this._pointers.delete(event.pointerId)) {
      return;
    }
    const gesture = this._gesture;
    if (this._pointers.size === 0) {
      this._gesture = null;
    }
    if (gesture?.kind === "draw") {
      gesture.ghost?.remove();
      const box = gesture.box;
      if (event.type === "pointerup" && box && box.width >= this.view.least() && box.height >= this.view.least()) {
        this.view.add({ ...box, label: this.view.options.labelOf() });
        this.view.options.say(`Box ${this.view.boxes.length} added.`);
      }
    } else if (gesture?.kind === "drag" || gesture?.kind === "resize") {
      this.view.options.changed();
    }
  }

  _cancel() {
    this._gesture?.ghost?.remove();
    if (this._gesture?.from) {
      this.view.boxes[this._gesture.index] = this._gesture.from;
      this.view.place();
    }
  }

  _pinch(id, last, point) {
    const [other] = [...this._pointers].filter(([key]) => key !== id).map(([, value]) => value);
    if (!other) {
      return;
    }
    const before = Math.hypot(last.x - other.x, last.y - other.y) || 1;
    const after = Math.hypot(point.x - other.x, point.y - other.y) || 1;
    const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
    this.view.pan((point.x - last.x) / 2, (point.y - last.y) / 2);
    this.view.zoom(after / before, middle);
  }

  _drawGhost(gesture, to) {
    const end = { x: clamp(to.x, 0, this.view.width), y: clamp(to.y, 0, this.view.height) };
    gesture.box = {
      left: Math.min(gesture.start.x, end.x),
      top: Math.min(gesture.start.y, end.y),
      width: Math.abs(end.x - gesture.start.x),
      height: Math.abs(end.y - gesture.start.y),
    };
    if (!gesture.ghost) {
      gesture.ghost = make("div", { class: "il-ghost" });
      this.view.layer.append(gesture.ghost);
    }
    const { style } = gesture.ghost;
    style.left = `${this.view.x + gesture.box.left * this.view.scale}px`;
    style.top = `${this.view.y + gesture.box.top * this.view.scale}px`;
    style.width = `${gesture.box.width * this.view.scale}px`;
    style.height = `${gesture.box.height * this.view.scale}px`;
  }

  _dragBox(gesture, to) {
    const dx = to.x - gesture.start.x;
    const dy = to.y - gesture.start.y;
    const { from, handle } = gesture;
    if (!handle) {
      this.view.boxes[gesture.index] = this.view.inside({ ...from, left: from.left + dx, top: from.top + dy });
    } else {
      let { left, top } = from;
      let right = from.left + from.width;
      let bottom = from.top + from.height;
      if (handle.includes("w")) left = clamp(left + dx, 0, right - this.view.least());
      if (handle.includes("e")) right = clamp(right + dx, left + this.view.least(), this.view.width);
      if (handle.includes("n")) top = clamp(top + dy, 0, bottom - this.view.least());
      if (handle.includes("s")) bottom = clamp(bottom + dy, top + this.view.least(), this.view.height);
      this.view.boxes[gesture.index] = this.view.inside({ ...from, left, top, width: right - left, height: bottom - top });
    }
    this.view.place();
  }
}
