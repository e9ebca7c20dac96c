/* The page for labels and boxes on images. */

import { icon, isTyping, make, paragraphs } from "./dom.js";
import { COLOURS, ImageView } from "./image_view.js";
import { keep, kept } from "./keep.js";
import { showKeys } from "./key_help.js";
import { runTask } from "./shell.js";

runTask({
  wide: true,
  full: true,
  show: (frame) => new LabelPage(frame),
});

class LabelPage {
  constructor(frame) {
    this.frame = frame;
    const { config } = frame;
    this.labels = config.labels || [];
    this.isBoxTask = config.boxes === "required";
    this.hasBoxes = config.boxes === "optional" || this.isBoxTask;
    this.hasKeys = kept("keys") !== false;
    this.chosenBox = -1;
    this.view = new ImageView({
      boxes: this.hasBoxes,
      labelOf: () => this._labelOfNewBox(),
      colourOf: (label) => COLOURS[Math.max(0, this.labels.indexOf(label)) % COLOURS.length],
      changed: () => this._boxesChanged(),
      selected: (index) => this._boxSelected(index),
      say: frame.say,
      zoomed: (scale) => {
        if (this.zoomText) {
          this.zoomText.textContent = `${Math.round(scale * 100)} %`;
        }
      },
    });
    frame.root.append(make("div", { class: "il-work" }, this._viewPart(), this._panel()));
    this._restore(frame.draft);
    this._listen();
    this._load();
  }

  // --- parts of the page

  _viewPart() {
    this.zoomText = make("span", { class: "il-zoom", "aria-hidden": "true" }, "100 %");
    this.trouble = make("div", { class: "il-trouble", hidden: true, role: "alert" });
    const tools = make("div", { class: "il-tools", role: "toolbar", "aria-label": "Image tools" });
    if (this.hasBoxes) {
      this.drawButton = toolButton("box", "Draw boxes", () => this._useTool("draw"));
      this.moveButton = toolButton("hand", "Move the image", () => this._useTool("move"));
      this.addButton = toolButton("plus", "Add a box in the middle", () => this.view.addInMiddle());
      this.addButton.append(make("span", { class: "cd-hide-small" }, "Box"));
      tools.append(this.drawButton, this.moveButton, this.addButton, make("span", { class: "il-gap" }));
    }
    const keys = toolButton("keys", "Keyboard shortcuts", () => this._showKeys());
    keys.classList.add("il-keys");
    tools.append(
      toolButton("minus", "Zoom out", () => this.view.zoom(1 / 1.25)),
      this.zoomText,
      toolButton("plus", "Zoom in", () => this.view.zoom(1.25)),
      toolButton("fit", "Fit the image", () => this.view.fit()),
      keys,
    );
    return make("section", { class: "il-view", "aria-label": "Image" }, tools, this.view.stage, this.trouble);
  }

  _panel() {
    const { config } = this.frame;
    const panel = make("form", { class: "il-panel", "aria-label": "Your answer", novalidate: true });
    if (String(config.instructions || "").trim()) {
      panel.append(
        make(
          "details",
          { class: "il-instructions", open: window.innerWidth > 860 },
          make("summary", {}, "Instructions"),
          ...paragraphs(config.instructions),
        ),
      );
    }
    panel.append(this._labelGroup());
    if (this.hasBoxes) {
      this.boxList = make("ol", { class: "il-box-list" });
      this.boxNote = make("p", { class: "cd-note" });
      panel.append(make("section", {}, make("h2", { class: "il-head" }, "Boxes"), this.boxNote, this.boxList));
    }
    if (config.comment) {
      this.comment = make("textarea", { class: "cd-field", id: "il-comment", rows: "2", maxlength: "5000" });
      panel.append(make("div", {}, make("label", { class: "il-head", for: "il-comment" }, "Comment"), this.comment));
    }
    panel.addEventListener("submit", (event) => event.preventDefault());
    panel.addEventListener("input", () => this.frame.changed());
    this.panel = panel;
    return panel;
  }

  _labelGroup() {
    const { config } = this.frame;
    const kind = config.multiple && !this.isBoxTask ? "checkbox" : "radio";
    let legend = config.multiple ? "What is in the image? Choose all that fit." : "What is in the image?";
    if (this.isBoxTask) {
      legend = "Label of the box";
    }
    this.inputs = this.labels.map((label) => make("input", { type: kind, name: "label", value: label }));
    const rows = this.inputs.map((input, place) => {
      input.addEventListener("change", () => this._labelChanged(place));
      const dot = this.hasBoxes ? make("span", { class: "il-dot" }) : null;
      dot?.style.setProperty("--il-colour", COLOURS[place % COLOURS.length]);
      const key = place < 9 ? make("kbd", { "aria-hidden": "true" }, String(place + 1)) : null;
      return make("label", { class: "il-label" }, input, dot, make("span", {}, this.labels[place]), key);
    });
    const group = make("fieldset", { class: "il-labels" }, make("legend", { class: "il-head" }, legend), ...rows);
    if (config.cannot_tell) {
      this.cannotTell = make("input", { type: "checkbox", name: "cannot_tell" });
      this.cannotTell.addEventListener("change", () => this._cannotTellChanged());
      const key = make("kbd", { "aria-hidden": "true" }, "C");
      group.append(make("label", { class: "il-label il-cannot" }, this.cannotTell, make("span", {}, "Cannot tell"), key));
    }
    return group;
  }

  async _load() {
    const { data } = this.frame;
    if (!data.image_url) {
      this.trouble.hidden = false;
      this.trouble.replaceChildren(make("p", {}, "The image appears here."));
      return;
    }
    try {
      await this.view.load(data.image_url);
      this.trouble.hidden = true;
      this.view.setBoxes(this.view.boxes);
      if (data.next_image_url) {
        new Image().src = data.next_image_url;
      }
    } catch (error) {
      const again = make("button", { class: "cd-button", type: "button" }, "Try again");
      again.addEventListener("click", () => this._load());
      this.trouble.hidden = false;
      this.trouble.replaceChildren(
        make("p", {}, "The image cannot be loaded. Try again; if that does not help, give this unit back."),
        again,
      );
    }
  }

  // --- labels

  get chosen() {
    return this.inputs.filter((input) => input.checked).map((input) => input.value);
  }

  _labelChanged(place) {
    if (this.inputs[place].checked && this.cannotTell?.checked) {
      this.cannotTell.checked = false;
      this._cannotTellChanged();
    }
    if (this.isBoxTask && this.chosenBox >= 0) {
      this.view.relabel(this.chosenBox, this.labels[place]);
    }
    this.frame.changed();
  }

  _cannotTellChanged() {
    const off = this.cannotTell.checked;
    if (off) {
      this.inputs.forEach((input) => {
        input.checked = false;
      });
    } else if (this.isBoxTask && !this.chosen.length && this.inputs.length) {
      this.inputs[0].checked = true;
    }
    this.view.layer.hidden = off;
    this._listBoxes();
    this.frame.changed();
  }

  _pickLabel(place) {
    const input = this.inputs[place];
    if (!input) {
      return;
    }
    if (this.chosenBox >= 0 && this.hasBoxes) {
      this.view.relabel(this.chosenBox, this.labels[place]);
      this.frame.say(`Box ${this.chosenBox + 1} is ${this.labels[place]}.`);
      if (!this.isBoxTask) {
        return;
      }
    }
    input.checked = input.type === "checkbox" ? !input.checked : true;
    this._labelChanged(place);
    this.frame.say(`${this.labels[place]} ${input.checked ? "chosen" : "not chosen"}.`);
  }

  // --- boxes

  _labelOfNewBox() {
    return this.chosen[0] ?? this.labels[0];
  }

  _useTool(tool) {
    this.view.setTool(tool);
    this.drawButton.setAttribute("aria-pressed", String(tool === "draw"));
    this.moveButton.setAttribute("aria-pressed", String(tool === "move"));
  }

  _boxesChanged() {
    if (this.cannotTell?.checked && this.view.boxes.length) {
      this.cannotTell.checked = false;
      this._cannotTellChanged();
    }
    this._listBoxes();
    this.frame.changed();
  }

  _boxSelected(index) {
    this.chosenBox = index;
    if (this.isBoxTask && index >= 0) {
      const place = this.labels.indexOf(this.view.boxes[index].label);
      if (place >= 0) {
        this.inputs[place].checked = true;
      }
    }
    [...(this.boxList?.children ?? [])].forEach((row, place) => row.classList.toggle("il-chosen", place === index));
  }

  _listBoxes() {
    if (!this.boxList) {
      return;
    }
    const { boxes } = this.view;
    const isOff = Boolean(this.cannotTell?.checked);
    const press = this.hasKeys && window.matchMedia("(hover: hover)").matches ? " or press B" : "";
    this.boxNote.textContent = boxes.length ? "" : `Drag on the image to draw a box${press}.`;
    this.boxNote.hidden = boxes.length > 0;
    this.boxList.hidden = isOff;
    if (this.boxList.children.length !== boxes.length) {
      this.boxList.replaceChildren(...boxes.map((_, index) => this._boxRow(index)));
    }
    [...this.boxList.children].forEach((row, index) => {
      row.querySelector("select").value = boxes[index].label;
      row.style.setProperty("--il-colour", this.view.options.colourOf(boxes[index].label));
    });
  }

  _boxRow(index) {
    const select = make(
      "select",
      { class: "cd-field", "aria-label": `Label of box ${index + 1}` },
      ...this.labels.map((label) => make("option", { value: label }, label)),
    );
    select.addEventListener("change", () => this.view.relabel(index, select.value));
    const find = make("button", { class: "il-find", type: "button", "aria-label": `Go to box ${index + 1}` }, String(index + 1));
    find.addEventListener("click", () => this.view.focusBox(index));
    const remove = make("button", { class: "il-tool", type: "button", "aria-label": `Delete box ${index + 1}` }, icon("trash"));
    remove.addEventListener("click", () => this.view.remove(index));
    return make("li", {}, find, select, remove);
  }

  // --- keys

  _listen() {
    document.addEventListener("keydown", (event) => {
      if (!this.panel.isConnected || document.querySelector("dialog[open]")) {
        return;
      }
      const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.frame.submit();
      } else if (event.key === "Enter" && isPlain && !event.target.closest?.("textarea, select, button, a, summary")) {
        event.preventDefault();
        this.frame.submit();
      } else if (isPlain && this.hasKeys && !isTyping(event.target) && this._shortcut(event.key)) {
        event.preventDefault();
      }
    });
  }

  _shortcut(key) {
    if (this.view.isLocked) {
      return false;
    }
    if (/^[1-9]$/.test(key)) {
      this._pickLabel(Number(key) - 1);
    } else if (key === "0") {
      this.view.fit();
    } else if (key === "+" || key === "=") {
      this.view.zoom(1.25);
    } else if (key === "-") {
      this.view.zoom(1 / 1.25);
    } else if (key.toLowerCase() === "b" && this.hasBoxes && this.view.width) {
      this.view.addInMiddle();
    } else if (key.toLowerCase() === "c" && this.cannotTell) {
      this.cannotTell.checked = !this.cannotTell.checked;
      this._cannotTellChanged();
      this.frame.say(this.cannotTell.checked ? "Cannot tell." : "Cannot tell taken back.");
    } else if (key === "?") {
      this._showKeys();
    } else {
      return false;
    }
    return true;
  }

  _showKeys() {
    const has = { boxes: this.hasBoxes, cannotTell: Boolean(this.cannotTell) };
    showKeys(has, this.hasKeys, (wanted) => {
      this.hasKeys = wanted;
      keep("keys", wanted);
      this._listBoxes();
    });
  }

  // --- what the frame asks for

  collect() {
    const cannotTell = Boolean(this.cannotTell?.checked);
    const boxes = cannotTell ? [] : this.view.boxes.map((box) => ({ ...box }));
    const labels = cannotTell ? [] : this.isBoxTask ? [...new Set(boxes.map((box) => box.label))] : this.chosen;
    if (!cannotTell && !this.isBoxTask && !labels.length) {
      return this._miss(this.cannotTell ? 'Please choose a label, or "cannot tell".' : "Please choose a label.");
    }
    if (!cannotTell && this.isBoxTask && !boxes.length) {
      return this._miss(this.cannotTell ? 'Please draw a box, or choose "cannot tell".' : "Please draw a box.");
    }
    return { data: { labels, boxes, cannot_tell: cannotTell, comment: this.comment?.value ?? "" } };
  }

  _miss(text) {
    this.frame.foot(text, "bad");
    this.frame.say(text);
    this.focus();
    return null;
  }

  draft() {
    return {
      labels: this.chosen,
      boxes: this.view.boxes,
      cannot_tell: Boolean(this.cannotTell?.checked),
      comment: this.comment?.value ?? "",
    };
  }

  _restore(draft) {
    this.inputs.forEach((input, place) => {
      input.checked = draft ? draft.labels.includes(input.value) : this.isBoxTask && place === 0;
    });
    this.view.boxes = (draft?.boxes ?? []).filter((box) => this.labels.includes(box.label)).map((box) => ({ ...box }));
    this.view.setBoxes(this.view.boxes);
    if (this.comment) {
      this.comment.value = draft?.comment ?? "";
    }
    if (this.cannotTell) {
      this.cannotTell.checked = Boolean(draft?.cannot_tell);
      this.view.layer.hidden = this.cannotTell.checked;
    }
    if (this.hasBoxes) {
      this._useTool("draw");
    }
    this._listBoxes();
  }

  lock(locked) {
    this.view.lock(locked);
    this.panel.toggleAttribute("inert", locked);
  }

  focus() {
    (this.inputs.find((input) => input.checked) ?? this.inputs[0])?.focus();
  }
}

function toolButton(symbol, name, action) {
  return make("button", { class: "il-tool", type: "button", "aria-label": name, title: name, onclick: action }, icon(symbol));
}
