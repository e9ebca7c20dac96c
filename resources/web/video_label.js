/* The page for labelled segments of a video. */

import { isTyping, make, paragraphs } from "./dom.js";
import { COLOURS } from "./image_view.js";
import { keep, kept } from "./keep.js";
import { showKeyList } from "./key_help.js";
import { SegmentList } from "./segment_list.js";
import { runTask } from "./shell.js";
import { VideoPlayer, button } from "./video_player.js";
import { Segments } from "./video_segments.js";
import { VideoTimeline } from "./video_timeline.js";
import { rounded, timeText } from "./video_times.js";

runTask({
  wide: true,
  full: true,
  show: (frame) => new VideoPage(frame),
});

class VideoPage {
  constructor(frame) {
    this.frame = frame;
    const { config } = frame;
    this.labels = config.labels || [];
    this.tracks = config.tracks?.length ? config.tracks : [""];
    this.hasKeys = kept("keys") !== false;
    this.mark = null;
    this.isLocked = false;
    this.segments = new Segments(this.tracks, Boolean(config.overlap));
    this.player = new VideoPlayer();
    const colourOf = (label) => COLOURS[Math.max(0, this.labels.indexOf(label)) % COLOURS.length];
    this.timeline = new VideoTimeline(this.segments, {
      colourOf,
      seek: (time) => this.player.seek(time),
      draw: (start, end, track) => this._add(start, end, track),
      open: (id) => this._playSegment(id),
      track: (track) => this.tracks.length > 1 && this.timeline && frame.say(`Track ${track}.`),
      fps: () => this.player.fps,
    });
    this.list = new SegmentList(this.segments, {
      labels: this.labels,
      notes: Boolean(config.notes),
      colourOf,
      open: (id) => this._playSegment(id),
      now: () => this.player.time,
      remove: (id) => this._remove(id),
      say: frame.say,
    });
    frame.root.append(make("div", { class: "il-work" }, this._viewPart(), this._panel(colourOf)));
    this._restore(frame.draft);
    this._listen();
    this._load();
  }

  // --- parts of the page

  _viewPart() {
    this.inButton = button("markin", "Begin a segment here", () => this._markIn());
    this.inButton.append(make("span", {}, "In"));
    this.outButton = button("markout", "End the segment here", () => this._markOut());
    this.outButton.append(make("span", {}, "Out"));
    this.undoButton = button("undo", "Undo", () => this._travel("undo"));
    this.redoButton = button("redo", "Redo", () => this._travel("redo"));
    const keys = button("keys", "Keyboard shortcuts", () => this._showKeys());
    keys.classList.add("il-keys");
    this.tools = make(
      "div",
      { class: "il-tools vl-tools", role: "toolbar", "aria-label": "Timeline tools" },
      this.inButton,
      this.outButton,
      this.undoButton,
      this.redoButton,
      make("span", { class: "il-gap" }),
      button("minus", "Zoom out", () => this.timeline.zoomBy(1 / 1.5)),
      button("plus", "Zoom in", () => this.timeline.zoomBy(1.5)),
      button("fit", "Show the whole timeline", () => this.timeline.fit()),
      keys,
    );
    const line = make("section", { class: "vl-timeline", "aria-label": "Timeline" }, this.tools, this.timeline.root);
    return make("section", { class: "il-view vl-view", "aria-label": "Video" }, this.player.stage, this.player.controls, line);
  }

  _panel(colourOf) {
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
    panel.append(this._labelGroup(colourOf), this.list.root);
    this.nothing = config.nothing ? this._choice(panel, "nothing", "Nothing to mark") : null;
    this.cannotTell = config.cannot_tell ? this._choice(panel, "cannot_tell", "Cannot tell") : null;
    if (config.comment) {
      this.comment = make("textarea", { class: "cd-field", id: "vl-comment", rows: "2", maxlength: "5000" });
      panel.append(make("div", {}, make("label", { class: "il-head", for: "vl-comment" }, "Comment"), this.comment));
    }
    panel.addEventListener("submit", (event) => event.preventDefault());
    panel.addEventListener("input", () => this.frame.changed());
    this.panel = panel;
    return panel;
  }

  _labelGroup(colourOf) {
    this.inputs = this.labels.map((label, place) => make("input", { type: "radio", name: "label", value: label, checked: place === 0 }));
    const rows = this.inputs.map((input, place) => {
      input.addEventListener("change", () => this._useLabel(place));
      const dot = make("span", { class: "il-dot" });
      dot.style.setProperty("--il-colour", colourOf(this.labels[place]));
      const key = place < 9 ? make("kbd", { "aria-hidden": "true" }, String(place + 1)) : null;
      return make("label", { class: "il-label" }, input, dot, make("span", {}, this.labels[place]), key);
    });
    return make("fieldset", { class: "il-labels" }, make("legend", { class: "il-head" }, "Label of the segment"), ...rows);
  }

  _choice(panel, name, words) {
    const box = make("input", { type: "checkbox", name });
    box.addEventListener("change", () => this._choiceChanged(box));
    panel.append(make("label", { class: "il-label il-cannot vl-choice" }, box, make("span", {}, words)));
    return box;
  }

  _load() {
    const { data } = this.frame;
    const { player } = this;
    player.addEventListener("time", () => this.timeline.showTime(player.time, player.isPlaying));
    player.addEventListener("ready", () => {
      this.segments.length = player.length;
      this.timeline.show();
      player.seek(this._startAt);
    });
    this.segments.length = Number(data.duration) || 0;
    if (!data.video_url) {
      player.trouble.hidden = false;
      player.trouble.replaceChildren(make("p", {}, "The video appears here."));
      return;
    }
    player.load(data.video_url, { length: this.segments.length, fps: Number(data.fps) || 0 });
    this.timeline.show();
  }

  // --- marking

  get label() {
    return this.inputs.find((input) => input.checked)?.value ?? this.labels[0];
  }

  _markIn() {
    if (!this.isLocked && this.segments.length) {
      this.mark = { time: this.player.time, track: this.timeline.track };
      this.segments.select(0);
      this._showMark();
      this.frame.say(`In at ${timeText(this.mark.time)}.`);
    }
  }

  _markOut() {
    if (this.isLocked || !this.segments.length) {
      return;
    }
    if (!this.mark) {
      this._tell("Press In first, where the segment begins.");
      return;
    }
    const { time, track } = this.mark;
    if (this._add(time, this.player.time, track)) {
      this.mark = null;
      this._showMark();
    }
  }

  _showMark() {
    this.timeline.showMark(this.mark);
    this.outButton.classList.toggle("vl-wanted", this.mark !== null);
  }

  _add(start, end, track) {
    const made = this.segments.add({ label: this.label, start, end, track });
    if (typeof made === "string") {
      this._tell(made);
      return false;
    }
    for (const box of [this.nothing, this.cannotTell]) {
      if (box) {
        box.checked = false;
      }
    }
    this._showChoice();
    const number = this.segments.numberOf(made.id);
    this.frame.foot("");
    this.frame.say(`Segment ${number}, ${made.label}, from ${timeText(made.start)} to ${timeText(made.end)}.`);
    return true;
  }

  /** Put an end of the chosen segment where the video stands. */
  _put(which) {
    const item = this.segments.selected;
    if (!item) {
      this._tell("Choose a segment first.");
      return;
    }
    const reason = this.segments.change(item.id, { [which]: this.player.time });
    this._tell(reason || `Segment ${this.segments.numberOf(item.id)} ${which === "start" ? "starts" : "ends"} here.`, Boolean(reason));
  }

  _nudge(by, end) {
    const item = this.segments.selected;
    const patch = end ? { end: item.end + by } : { start: item.start + by, end: item.end + by };
    const reason = this.segments.change(item.id, patch, "nudge");
    this._tell(reason || `${timeText(patch.start ?? item.start)} to ${timeText(patch.end)}.`, Boolean(reason));
  }

  _remove(id) {
    const number = this.segments.numberOf(id);
    const hadFocus = document.activeElement?.closest?.(".vl-segment, .vl-list li");
    const inList = Boolean(hadFocus?.matches("li"));
    this.segments.remove(id);
    this.frame.say(`Segment ${number} deleted.`);
    if (hadFocus) {
      const next = this.segments.ordered[Math.min(number, this.segments.items.length) - 1];
      if (next && !inList) {
        this.timeline.focusSegment(next.id);
      } else if (next) {
        this.list.list.children[this.segments.numberOf(next.id) - 1].querySelector("button").focus();
      } else {
        this.timeline.ruler.focus({ preventScroll: true });
      }
    }
  }

  _playSegment(id) {
    const item = this.segments.find(id);
    if (item) {
      this.segments.select(id);
      this.player.playRange(item.start, item.end);
    }
  }

  _useLabel(place) {
    const item = this.mark ? null : this.segments.selected;
    if (item) {
      this.segments.change(item.id, { label: this.labels[place] });
      this.frame.say(`Segment ${this.segments.numberOf(item.id)} is ${this.labels[place]}.`);
    } else {
      this.frame.say(`${this.labels[place]} chosen.`);
    }
    this.frame.changed();
  }

  _travel(which) {
    if (!this.isLocked) {
      this.frame.say(this.segments[which]() ? `${which === "undo" ? "Undone" : "Done again"}.` : `There is nothing to ${which}.`);
    }
  }

  _choiceChanged(box) {
    const other = box === this.nothing ? this.cannotTell : this.nothing;
    if (box.checked && other) {
      other.checked = false;
    }
    this._showChoice();
    this.frame.changed();
  }

  get _isOff() {
    return Boolean(this.nothing?.checked || this.cannotTell?.checked);
  }

  _showChoice() {
    const isOff = this._isOff;
    this.list.root.hidden = isOff;
    this.timeline.root.classList.toggle("vl-off", isOff);
    const press = this.hasKeys && window.matchMedia("(hover: hover)").matches ? " (I and O on the keyboard), or drag on the timeline" : "";
    this.list.setNote(`Press In where a segment begins and Out where it ends${press}.`);
  }

  _tell(text, isBad = true) {
    this.frame.foot(isBad ? text : "", isBad ? "bad" : "");
    this.frame.say(text);
  }

  // --- keys

  _listen() {
    this.segments.addEventListener("change", () => this._changed());
    this.segments.addEventListener("select", () => this._selected());
    document.addEventListener("keydown", (event) => {
      if (!this.panel.isConnected || document.querySelector("dialog[open]")) {
        return;
      }
      const withControl = event.ctrlKey || event.metaKey;
      if (withControl && event.key === "Enter") {
        event.preventDefault();
        this.frame.submit();
      } else if (withControl && !event.altKey && !isTyping(event.target) && this._editKey(event)) {
        event.preventDefault();
      } else if (!withControl && !event.altKey && this.hasKeys && !isTyping(event.target) && this._shortcut(event)) {
        event.preventDefault();
      }
    });
  }

  _changed() {
    this.undoButton.disabled = !this.segments.canUndo;
    this.redoButton.disabled = !this.segments.canRedo;
    this.frame.changed();
  }

  _selected() {
    const item = this.segments.selected;
    const place = item ? this.labels.indexOf(item.label) : -1;
    if (place >= 0) {
      this.inputs[place].checked = true;
    }
  }

  _editKey(event) {
    const key = event.key.toLowerCase();
    if (this.isLocked) {
      return false;
    }
    if (key === "z" || key === "y") {
      this._travel(key === "y" || event.shiftKey ? "redo" : "undo");
    } else if ((key === "arrowleft" || key === "arrowright") && this.segments.selected) {
      this._nudge((key === "arrowright" ? 1 : -1) / this.player.fps, event.shiftKey);
    } else {
      return false;
    }
    return true;
  }

  _shortcut(event) {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isOnRadio = event.target.matches?.("input[type=radio]");
    const isOnButton = Boolean(event.target.closest?.("button, a, summary, input"));
    return this._playKey(key, event.shiftKey, isOnRadio, isOnButton) || (!this.isLocked && this._markKey(key, event));
  }

  _playKey(key, withShift, isOnRadio, isOnButton) {
    const { player } = this;
    if ((key === "ArrowLeft" || key === "ArrowRight") && !isOnRadio) {
      const direction = key === "ArrowRight" ? 1 : -1;
      if (withShift) {
        player.seek(player.time + direction);
      } else {
        player.step(direction);
      }
    } else if (key === " " && !isOnButton) {
      player.toggle();
    } else if (key === "k") {
      player.pause();
    } else if (key === "j" || key === "l") {
      const speed = player.shuttle(key === "l" ? 1 : -1);
      this.frame.say(speed > 0 ? `On, speed ${speed}.` : `Back, speed ${-speed}.`);
    } else if (key === "Home" || key === "End") {
      player.seek(key === "Home" ? 0 : player.length);
    } else if (key === "m") {
      player.mute(!player.video.muted);
    } else if (key === "+" || key === "=" || key === "-") {
      this.timeline.zoomBy(key === "-" ? 1 / 1.5 : 1.5);
    } else if (key === "0") {
      this.timeline.fit();
    } else if (key === "?") {
      this._showKeys();
    } else {
      return false;
    }
    return true;
  }

  _markKey(key, event) {
    const isInLine = !event.target.closest?.("input, button:not(.vl-segment)");
    if (key === "i" || key === "o") {
      if (event.shiftKey) {
        this._put(key === "i" ? "start" : "end");
      } else if (key === "i") {
        this._markIn();
      } else {
        this._markOut();
      }
    } else if (/^[1-9]$/.test(key)) {
      const input = this.inputs[Number(key) - 1];
      if (input) {
        input.checked = true;
        this._useLabel(Number(key) - 1);
      }
    } else if ((key === "ArrowUp" || key === "ArrowDown") && this.tracks.length > 1 && !event.target.matches?.("input")) {
      const place = this.tracks.indexOf(this.timeline.track) + (key === "ArrowDown" ? 1 : -1);
      this.timeline.useTrack(this.tracks[Math.min(Math.max(place, 0), this.tracks.length - 1)]);
    } else if ((key === "Delete" || key === "Backspace") && this.segments.selected && isInLine) {
      this._remove(this.segments.selectedId);
    } else if (key === "Escape" && (this.mark || this.segments.selected)) {
      this.mark = null;
      this._showMark();
      this.segments.select(0);
    } else {
      return false;
    }
    return true;
  }

  _showKeys() {
    const rows = [
      ["Space", "play, pause"],
      ["J   K   L", "back, stop, on; again: faster"],
      ["← →", "one picture; with Shift: one second"],
      ["I   O", "a segment begins here, ends here"],
      ["Shift + I, O", "the chosen segment starts here, ends here"],
      ["1 – 9", "choose the label, of the chosen segment when there is one"],
      ...(this.tracks.length > 1 ? [["↑ ↓", "choose the track"]] : []),
      ["Tab", "go from segment to segment; Enter plays it"],
      ["Ctrl + ← →", "move the chosen segment; with Shift: its end"],
      ["Delete", "delete the chosen segment"],
      ["Ctrl + Z, Y", "undo, redo"],
      ["Esc", "drop the mark, choose no segment"],
      ["+   −   0", "zoom the timeline, show all of it"],
      ["Ctrl + Enter", "submit"],
      ["?", "this list"],
    ];
    showKeyList(rows, this.hasKeys, (wanted) => {
      this.hasKeys = wanted;
      keep("keys", wanted);
      this._showChoice();
    });
  }

  // --- what the frame asks for

  collect() {
    const { segments, list } = this;
    const isOff = this._isOff;
    if (!isOff && list.wrong) {
      this._tell("A time cannot be as it is written.");
      list.wrong.focus();
      return null;
    }
    if (!isOff && !segments.items.length) {
      const or = [this.nothing && '"nothing to mark"', this.cannotTell && '"cannot tell"'].filter(Boolean).join(" or ");
      this._tell(`Please mark a segment${or ? `, or choose ${or}` : ""}.`);
      this.focus();
      return null;
    }
    const data = {
      segments: isOff ? [] : segments.ordered.map((item) => this._sent(item)),
      nothing: Boolean(this.nothing?.checked),
      cannot_tell: Boolean(this.cannotTell?.checked),
      comment: this.comment?.value ?? "",
    };
    return { data: { ...data, duration: segments.length ? rounded(segments.length) : null } };
  }

  _sent({ label, start, end, track, note }) {
    return { label, start, end, ...(track ? { track } : {}), ...(note ? { note } : {}) };
  }

  draft() {
    return {
      segments: this.segments.ordered.map((item) => this._sent(item)),
      nothing: Boolean(this.nothing?.checked),
      cannot_tell: Boolean(this.cannotTell?.checked),
      comment: this.comment?.value ?? "",
      label: this.label,
      track: this.timeline.track,
      mark: this.mark,
      at: this.player.time,
    };
  }

  _restore(draft) {
    this._startAt = draft?.at ?? 0;
    this.segments.length = Number(this.frame.data.duration) || 0;
    this.segments.restore(draft?.segments, this.labels);
    for (const [name, box] of [["nothing", this.nothing], ["cannot_tell", this.cannotTell]]) {
      if (box) {
        box.checked = Boolean(draft?.[name]);
      }
    }
    if (this.comment) {
      this.comment.value = draft?.comment ?? "";
    }
    if (draft && this.labels.includes(draft.label)) {
      this.inputs[this.labels.indexOf(draft.label)].checked = true;
    }
    if (draft && this.tracks.includes(draft.track)) {
      this.timeline.useTrack(draft.track);
    }
    this.mark = draft?.mark ?? null;
    this._showMark();
    this.undoButton.disabled = true;
    this.redoButton.disabled = true;
    this._showChoice();
  }

  lock(locked) {
    this.isLocked = locked;
    this.timeline.lock(locked);
    this.panel.toggleAttribute("inert", locked);
    for (const tool of [this.inButton, this.outButton]) {
      tool.disabled = locked;
    }
  }

  focus() {
    this.inButton.focus();
  }
}
