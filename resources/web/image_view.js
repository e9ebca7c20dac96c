/* An image that is zoomed and moved, with boxes drawn on it by mouse, touch and keyboard. */

import { make } from "./dom.js";
import { ImagePointer } from "./image_pointer.js";
import { clamp } from "./numbers.js";

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
    this._nodes = [];
    this.image = make("img", { class: "il-image", alt: "The image to label", draggable: "false", referrerpolicy: "no-referrer" });
    this.layer = make("div", { class: "il-boxes" });
    const help = options.boxes
      ? "Image. Arrow keys move it, plus and minus zoom, 0 fits it, B adds a box."
      : "Image. Arrow keys move it, plus and minus zoom, 0 fits it.";
    this.stage = make("div", { class: "il-stage", tabindex: "0", role: "group", "aria-label": help }, this.image, this.layer);
    this.setTool(this.tool);
    this.stage.addEventListener("keydown", (event) => this._stageKey(event));
    new ResizeObserver(() => (this.isFitted ? this.fit() : this.place())).observe(this.stage);
    new ImagePointer(this);
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

  /** The index of the box that an element shows, or -1. */
  indexOf(node) {
    return this._nodes.indexOf(node);
  }

  focusBox(index) {
    this._nodes[index]?.focus({ preventScroll: true });
  }

  relabel(index, label) {
    this.boxes[index].label = label;
    this.place();
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
    const width = Math.max(this.least(), (view.right - view.left) / 3);
    const height = Math.max(this.least(), (view.bottom - view.top) / 3);
    const box = {
      label: this.options.labelOf(),
      left: (view.left + view.right - width) / 2,
      top: (view.top + view.bottom - height) / 2,
      width,
      height,
    };
    this.add(box);
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
    this.place();
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
    this.place();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.isFitted = false;
    this.place();
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

  /** The smallest side of a box that can still be seen and grabbed, in pixels of the image. */
  least() {
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
    this.place();
    if (had >= 0) {
      this.focusBox(Math.min(had, this.boxes.length - 1));
    }
  }

  /** Put image and boxes where they belong on the screen. */
  place() {
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

  /** Add a box and give it the focus. */
  add(box) {
    this.boxes.push(this.inside(box));
    this._rebuild();
    this.options.changed();
    this.focusBox(this.boxes.length - 1);
  }

  /** A box that lies on the image and can be seen. */
  inside(box) {
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
        const width = clamp(box.width + dx, this.least(), this.width - box.left);
        const height = clamp(box.height + dy, this.least(), this.height - box.top);
        this.boxes[index] = this.inside({ ...box, width, height });
      } else {
        this.boxes[index] = this.inside({ ...box, left: box.left + dx, top: box.top + dy });
      }
      this.place();
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
}
