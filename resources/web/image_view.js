/* An image that is zoomed and moved, with boxes drawn on it by mouse, touch and keyboard. */

import { make } from "./dom.js";

const LEAST_SCREEN = 6;
const MOST_ZOOM = 40;
const KEEP_VISIBLE = 48;
const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
/** Colours of labels on an image, each with dark letters on it. */
export const COLOURS = ["#ffd166", "#5ad1e6", "#ff9fb2", "#8ce99a", "#c8a6ff", "#ffab6b", "#9ec1ff", "#d3f36b"];

/**
 * `options`: `boxes` (whether they can be drawn), `labelOf()` (the label of a new box), `colourOf(label)`,
 * `changed()` after every change of the boxes, `selected(index)` when another box (or none, -1) has the focus,
 * `say(text)` for a screen reader.
 * `view.boxes` are `{label, left, top, width, height}` in pixels of the image.
 */
export class ImageView {
  constructor(options) {
    this.options = options;
    this.boxes = [];
    this.tool = options.boxes ? "draw" : "move";
    this.scale = 1;
    this.x = 0;
    this.y = 0;
    this.width = 0;
    this.height = 0;
    this.isFitted = true;
    this.isLocked = false;
    this._pointers = new Map();
    this._gesture = null;
    this._nodes = [];
    this.image = make("img", { class: "il-image", alt: "The image to label", draggable: "false", referrerpolicy: "no-referrer" });
    this.layer = make("div", { class: "il-boxes" });
    const help = options.boxes
      ? "Image. Arrow keys move it, plus and minus zoom, 0 fits it, B adds a box."
      : "Image. Arrow keys move it, plus and minus zoom, 0 fits it.";
    this.stage = make("div", { class: "il-stage", tabindex: "0", role: "group", "aria-label": help }, this.image, this.layer);
    this._listen();
  }

  /** Show an image; resolves when it is there, rejects when it cannot be loaded. */
  load(url) {
    this.stage.setAttribute("aria-busy", "true");
    return new Promise((resolve, reject) => {
      this.image.onload = () => {
        this.stage.setAttribute("aria-busy", "false");
        this.width = this.image.naturalWidth || 1;
        this.height = this.image.naturalHeight || 1;
        this.fit();
        resolve();
      };
      this.image.onerror = () => reject(new Error(`The image ${url} cannot be loaded.`));
      this.image.src = url;
    });
  }

  setBoxes(boxes) {
    this.boxes = boxes.map((box) => ({ ...box }));
    this._rebuild();
  }

  setTool(tool) {
    this.tool = tool;
    this.stage.dataset.tool = tool;
  }

  lock(locked) {
    this.isLocked = locked;
  }

  /** The index of the box that has the focus, or -1. */
  get current() {
    return this._nodes.indexOf(document.activeElement);
  }

  focusBox(index) {
    this._nodes[index]?.focus({ preventScroll: true });
  }

  relabel(index, label) {
    this.boxes[index].label = label;
    this._place();
    this.options.changed();
  }

  remove(index) {
    this.boxes.splice(index, 1);
    this._rebuild();
    this.options.changed();
    this.options.say(`Box ${index + 1} deleted.`);
    if (this.boxes.length) {
      this.focusBox(Math.min(index, this.boxes.length - 1));
    } else {
      this.stage.focus({ preventScroll: true });
    }
  }

  /** A box in the middle of what is seen, for those who draw with the keyboard. */
  addInMiddle() {
    const view = this._seen();
    const width = Math.max(this._least(), (view.right - view.left) / 3);
    const height = Math.max(this._least(), (view.bottom - view.top) / 3);
    const box = {
      label: this.options.labelOf(),
      left: (view.left + view.right - width) / 2,
      top: (view.top + view.bottom - height) / 2,
      width,
      height,
    };
    this._add(box);
    this.options.say(`Box ${this.boxes.length} added. Arrow keys move it, Shift and arrow keys resize it, Delete removes it.`);
  }

  // --- zoom and pan

  fit() {
    const { clientWidth, clientHeight } = this.stage;
    if (!this.width || !clientWidth) {
      return;
    }
    this.isFitted = true;
    this.scale = Math.min((clientWidth - 16) / this.width, (clientHeight - 16) / this.height, 4);
    this.x = (clientWidth - this.width * this.scale) / 2;
    this.y = (clientHeight - this.height * this.scale) / 2;
    this._place();
  }

  /** Zoom by a factor about a point of the stage (its middle by default). */
  zoom(factor, at) {
    const point = at ?? { x: this.stage.clientWidth / 2, y: this.stage.clientHeight / 2 };
    const least = Math.min(0.05, this.scale);
    const scale = Math.min(MOST_ZOOM, Math.max(least, this.scale * factor));
    this.x = point.x - ((point.x - this.x) * scale) / this.scale;
    this.y = point.y - ((point.y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.isFitted = false;
    this._place();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this._place();
  }

  _seen() {
    const { clientWidth, clientHeight } = this.stage;
    return {
      left: Math.max(0, -this.x / this.scale),
      top: Math.max(0, -this.y / this.scale),
      right: Math.min(this.width, (clientWidth - this.x) / this.scale),
      bottom: Math.min(this.height, (clientHeight - this.y) / this.scale),
    };
  }

  _least() {
    return Math.max(1, LEAST_SCREEN / this.scale);
  }

  // --- drawing it

  _rebuild() {
    const had = this.current;
    this._nodes = this.boxes.map((_, index) => {
      const node = make("div", { class: "il-box", tabindex: "0", role: "group", "aria-roledescription": "box" });
      node.append(make("span", { class: "il-tag", "aria-hidden": "true" }));
      node.append(...HANDLES.map((name) => make("span", { class: "il-handle", "data-handle": name })));
      node.addEventListener("keydown", (event) => this._boxKey(event, index));
      node.addEventListener("focus", () => this.options.selected(index));
      node.addEventListener("blur", () => this.options.selected(this.current));
      return node;
    });
    this.layer.replaceChildren(...this._nodes);
    this._place();
    if (had >= 0) {
      this.focusBox(Math.min(had, this.boxes.length - 1));
    }
  }

  _place() {
    const { clientWidth, clientHeight } = this.stage;
    this.x = clamp(this.x, KEEP_VISIBLE - this.width * this.scale, clientWidth - KEEP_VISIBLE);
    this.y = clamp(this.y, KEEP_VISIBLE - this.height * this.scale, clientHeight - KEEP_VISIBLE);
    this.image.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.image.classList.toggle("il-pixels", this.scale > 4);
    this.boxes.forEach((box, index) => {
      const node = this._nodes[index];
      node.style.left = `${this.x + box.left * this.scale}px`;
      node.style.top = `${this.y + box.top * this.scale}px`;
      node.style.width = `${box.width * this.scale}px`;
      node.style.height = `${box.height * this.scale}px`;
      node.style.setProperty("--il-colour", this.options.colourOf(box.label));
      node.firstChild.textContent = `${index + 1} ${box.label}`;
      const where = `${Math.round(box.width)} by ${Math.round(box.height)} at ${Math.round(box.left)}, ${Math.round(box.top)}`;
      node.setAttribute("aria-label", `Box ${index + 1}, ${box.label}, ${where}`);
    });
    this.options.zoomed?.(this.scale);
  }

  _add(box) {
    this.boxes.push(this._inside(box));
    this._rebuild();
    this.options.changed();
    this.focusBox(this.boxes.length - 1);
  }

  /** A box that lies on the image and can be seen. */
  _inside(box) {
    const width = clamp(box.width, 1, this.width);
    const height = clamp(box.height, 1, this.height);
    const left = clamp(box.left, 0, this.width - width);
    const top = clamp(box.top, 0, this.height - height);
    const round = (number) => Math.round(number * 10) / 10;
    return { ...box, left: round(left), top: round(top), width: round(width), height: round(height) };
  }

  // --- keys

  _boxKey(event, index) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (this.isLocked) {
      return;
    }
    if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      event.stopPropagation();
      this.remove(index);
    } else if (event.key === "Escape") {
      this.stage.focus({ preventScroll: true });
    } else if (arrows[event.key] && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      event.stopPropagation();
      const step = Math.max(1, Math.round((event.altKey ? 20 : 4) / this.scale));
      const [dx, dy] = arrows[event.key].map((sign) => sign * step);
      const box = this.boxes[index];
      if (event.shiftKey) {
        const width = clamp(box.width + dx, this._least(), this.width - box.left);
        const height = clamp(box.height + dy, this._least(), this.height - box.top);
        this.boxes[index] = this._inside({ ...box, width, height });
      } else {
        this.boxes[index] = this._inside({ ...box, left: box.left + dx, top: box.top + dy });
      }
      this._place();
      this.options.changed();
    }
  }

  _stageKey(event) {
    const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (arrows[event.key] && event.target === this.stage) {
      event.preventDefault();
      const step = event.shiftKey ? 160 : 40;
      this.pan(...arrows[event.key].map((sign) => sign * step));
    }
  }

  // --- mouse and touch

  _listen() {
    const { stage } = this;
    this.setTool(this.tool);
    stage.addEventListener("keydown", (event) => this._stageKey(event));
    stage.addEventListener("pointerdown", (event) => this._down(event));
    stage.addEventListener("pointermove", (event) => this._move(event));
    stage.addEventListener("pointerup", (event) => this._up(event));
    stage.addEventListener("pointercancel", (event) => this._up(event));
    stage.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const lines = event.deltaMode === 1 ? 16 : 1;
        this.zoom(Math.exp(-clamp(event.deltaY * lines, -200, 200) * 0.002), this._at(event));
      },
      { passive: false },
    );
    new ResizeObserver(() => (this.isFitted ? this.fit() : this._place())).observe(stage);
  }

  _at(event) {
    const frame = this.stage.getBoundingClientRect();
    return { x: event.clientX - frame.left - this.stage.clientLeft, y: event.clientY - frame.top - this.stage.clientTop };
  }

  _onImage(point) {
    return { x: (point.x - this.x) / this.scale, y: (point.y - this.y) / this.scale };
  }

  _down(event) {
    if (event.button > 1 || !this.width) {
      return;
    }
    event.preventDefault();
    this.stage.setPointerCapture(event.pointerId);
    const point = this._at(event);
    this._pointers.set(event.pointerId, point);
    if (this._pointers.size === 2) {
      this._cancel();
      this._gesture = { kind: "pinch" };
      return;
    }
    const node = event.target.closest(".il-box");
    const index = this._nodes.indexOf(node);
    const start = this._onImage(point);
    const isPan = event.button === 1 || this.tool === "move" || this.isLocked;
    if (index >= 0 && event.button === 0 && !this.isLocked) {
      this.focusBox(index);
      const handle = event.target.dataset.handle;
      this._gesture = { kind: handle ? "resize" : "drag", handle, index, start, from: { ...this.boxes[index] } };
    } else if (isPan) {
      this.stage.focus({ preventScroll: true });
      this._gesture = { kind: "pan" };
    } else {
      this.stage.focus({ preventScroll: true });
      const inside = start.x >= 0 && start.y >= 0 && start.x <= this.width && start.y <= this.height;
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
      this.pan(point.x - last.x, point.y - last.y);
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
      if (event.type === "pointerup" && box && box.width >= this._least() && box.height >= this._least()) {
        this._add({ ...box, label: this.options.labelOf() });
        this.options.say(`Box ${this.boxes.length} added.`);
      }
    } else if (gesture?.kind === "drag" || gesture?.kind === "resize") {
      this.options.changed();
    }
  }

  _cancel() {
    this._gesture?.ghost?.remove();
    if (this._gesture?.from) {
      this.boxes[this._gesture.index] = this._gesture.from;
      this._place();
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
    this.pan((point.x - last.x) / 2, (point.y - last.y) / 2);
    this.zoom(after / before, middle);
  }

  _drawGhost(gesture, to) {
    const end = { x: clamp(to.x, 0, this.width), y: clamp(to.y, 0, this.height) };
    gesture.box = {
      left: Math.min(gesture.start.x, end.x),
      top: Math.min(gesture.start.y, end.y),
      width: Math.abs(end.x - gesture.start.x),
      height: Math.abs(end.y - gesture.start.y),
    };
    if (!gesture.ghost) {
      gesture.ghost = make("div", { class: "il-ghost" });
      this.layer.append(gesture.ghost);
    }
    const { style } = gesture.ghost;
    style.left = `${this.x + gesture.box.left * this.scale}px`;
    style.top = `${this.y + gesture.box.top * this.scale}px`;
    style.width = `${gesture.box.width * this.scale}px`;
    style.height = `${gesture.box.height * this.scale}px`;
  }

  _dragBox(gesture, to) {
    const dx = to.x - gesture.start.x;
    const dy = to.y - gesture.start.y;
    const { from, handle } = gesture;
    if (!handle) {
      this.boxes[gesture.index] = this._inside({ ...from, left: from.left + dx, top: from.top + dy });
    } else {
      let { left, top } = from;
      let right = from.left + from.width;
      let bottom = from.top + from.height;
      if (handle.includes("w")) left = clamp(left + dx, 0, right - this._least());
      if (handle.includes("e")) right = clamp(right + dx, left + this._least(), this.width);
      if (handle.includes("n")) top = clamp(top + dy, 0, bottom - this._least());
      if (handle.includes("s")) bottom = clamp(bottom + dy, top + this._least(), this.height);
      this.boxes[gesture.index] = this._inside({ ...from, left, top, width: right - left, height: bottom - top });
    }
    this._place();
  }
}

function clamp(number, least, most) {
  return Math.min(Math.max(number, Math.min(least, most)), Math.max(least, most));
}
