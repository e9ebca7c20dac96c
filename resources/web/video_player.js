/* A video with controls of our own: steps of one picture, speeds, there and back, a stretch of it played alone. */

import { icon, make } from "./dom.js";
import { clamp } from "./numbers.js";
import { pictureTime, timeText } from "./video_times.js";

const SPEEDS = [0.25, 0.5, 1, 1.5, 2, 4];
const BACK_SPEEDS = [1, 2, 4];
const BACK_TICK_MS = 100;

/** Fires "time" whenever the time shown changed, "play" when it begins or stops, "ready" and "fault". */
export class VideoPlayer extends EventTarget {
  constructor() {
    super();
    this.fps = 25;
    this.length = 0;
    this._told = 0;
    this._stopAt = null;
    this._back = 0;
    this._backTimer = 0;
    this.video = make("video", { class: "vl-video", playsinline: true, preload: "auto", tabindex: "-1", referrerpolicy: "no-referrer" });
    this.video.setAttribute("aria-label", "The video to label");
    this.trouble = make("div", { class: "vl-trouble", role: "alert", hidden: true });
    this.stage = make("div", { class: "vl-stage", "aria-busy": "true" }, this.video, this.trouble);
    this.controls = this._makeControls();
    this._listen();
  }

  _makeControls() {
    this.playButton = button("play", "Play", () => this.toggle());
    this.muteButton = button("sound", "Mute", () => this.mute(!this.video.muted));
    this.timeText = make("span", { class: "vl-time" });
    this.speed = make(
      "select",
      { class: "cd-field vl-speed", "aria-label": "Speed" },
      ...SPEEDS.map((speed) => make("option", { value: String(speed), selected: speed === 1 }, `${speed}×`)),
    );
    this.speed.addEventListener("change", () => this.setSpeed(Number(this.speed.value)));
    return make(
      "div",
      { class: "il-tools vl-controls", role: "group", "aria-label": "Playback" },
      button("stepback", "One picture back", () => this.step(-1)),
      this.playButton,
      button("stepon", "One picture on", () => this.step(1)),
      this.timeText,
      make("span", { class: "il-gap" }),
      this.speed,
      this.muteButton,
    );
  }

  _listen() {
    const { video } = this;
    this.stage.addEventListener("click", (event) => event.target === video && this.toggle());
    video.addEventListener("loadedmetadata", () => this._measure());
    video.addEventListener("durationchange", () => this._measure());
    video.addEventListener("seeked", () => this._tell());
    video.addEventListener("timeupdate", () => this._tell());
    video.addEventListener("play", () => this._follow());
    for (const name of ["play", "pause", "ended"]) {
      video.addEventListener(name, () => this._showPlaying());
    }
    video.addEventListener("error", () => this._fail());
  }

  /** Begin to load. `length`: in seconds, when it is known (0: it is not). */
  load(url, { length = 0, fps = 0 } = {}) {
    this._told = length;
    this.length = length;
    this.fps = fps > 0 ? fps : 25;
    this.trouble.hidden = true;
    this.stage.setAttribute("aria-busy", "true");
    this.video.src = url;
    this._tell();
  }

  get time() {
    return clamp(this.video.currentTime || 0, 0, this.length || Infinity);
  }

  get isPlaying() {
    return this._back > 0 || (!this.video.paused && !this.video.ended);
  }

  toggle() {
    if (this.isPlaying) {
      this.pause();
    } else {
      this.play();
    }
  }

  async play() {
    this._stopBack();
    if (this.length && this.time >= this.length - 0.5 / this.fps) {
      this.video.currentTime = 0;
    }
    try {
      await this.video.play();
    } catch (error) {
      if (error.name !== "AbortError" && error.name !== "NotSupportedError") {
        throw error; // a pause that came at once, or a file that "error" tells about
      }
    }
  }

  pause() {
    this._stopAt = null;
    this._stopBack();
    this.video.pause();
  }

  /** Play one stretch, then stand still at its end. */
  playRange(start, end) {
    this.pause();
    this.video.currentTime = start;
    this._stopAt = end;
    this.play();
  }

  seek(time) {
    this._stopAt = null;
    this.video.currentTime = clamp(time, 0, this.length);
    this._tell();
  }

  /** Go so many pictures on (or back), standing still. */
  step(pictures) {
    this.pause();
    this.seek(pictureTime(Math.round(this.time * this.fps) + pictures, this.fps));
  }

  /** Forward (1) or back (-1); faster each time. Returns the speed. */
  shuttle(direction) {
    if (direction > 0) {
      const wasPlaying = this.isPlaying && !this._back;
      this.setSpeed(wasPlaying ? Math.min(4, this.video.playbackRate < 1 ? 1 : this.video.playbackRate * 2) : 1);
      this.play();
      return this.video.playbackRate;
    }
    const place = BACK_SPEEDS.indexOf(this._back);
    this.video.pause();
    this._back = BACK_SPEEDS[Math.min(place + 1, BACK_SPEEDS.length - 1)];
    clearInterval(this._backTimer);
    this._backTimer = setInterval(() => this._goBack(), BACK_TICK_MS);
    this._showPlaying();
    return -this._back;
  }

  setSpeed(speed) {
    this.video.playbackRate = speed;
    this.video.defaultPlaybackRate = speed;
    this.speed.value = String(speed);
  }

  mute(muted) {
    this.video.muted = muted;
    this.muteButton.replaceChildren(icon(muted ? "muted" : "sound"));
    name(this.muteButton, muted ? "Sound on" : "Mute");
  }

  _goBack() {
    if (this.video.seeking) {
      return; // browsers play nothing backwards: it is a row of jumps, no faster than they come
    }
    this.video.currentTime = Math.max(0, this.video.currentTime - (this._back * BACK_TICK_MS) / 1000);
    if (this.video.currentTime <= 0) {
      this._stopBack();
    }
  }

  _stopBack() {
    clearInterval(this._backTimer);
    if (this._back) {
      this._back = 0;
      this._showPlaying();
    }
  }

  /** While it plays, the time is told with every picture of the screen. */
  _follow() {
    const tick = () => {
      if (this.video.paused) {
        return;
      }
      if (this._stopAt !== null && this.video.currentTime >= this._stopAt) {
        const end = this._stopAt;
        this.pause();
        this.video.currentTime = end;
      }
      this._tell();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  _measure() {
    const { duration } = this.video;
    if (Number.isFinite(duration) && duration > 0) {
      this.length = this._told || duration;
      this._ready();
    } else if (this._told) {
      this._ready();
    } else {
      this.video.currentTime = 1e7; // a recording that tells no length tells it once its end was looked for
    }
  }

  _ready() {
    if (this.stage.getAttribute("aria-busy") === "true") {
      this.stage.setAttribute("aria-busy", "false");
      if (this.video.currentTime > this.length) {
        this.video.currentTime = 0;
      }
      this._tell();
      this.dispatchEvent(new Event("ready"));
    }
  }

  _fail() {
    this.stage.setAttribute("aria-busy", "false");
    const again = make("button", { class: "cd-button", type: "button" }, "Try again");
    again.addEventListener("click", () => {
      this.trouble.hidden = true;
      this.stage.setAttribute("aria-busy", "true");
      this.video.load();
    });
    this.trouble.hidden = false;
    this.trouble.replaceChildren(
      make("p", {}, "The video cannot be played. Try again; if that does not help, give this unit back."),
      again,
    );
    this.dispatchEvent(new Event("fault"));
  }

  _showPlaying() {
    const isPlaying = this.isPlaying;
    this.playButton.replaceChildren(icon(isPlaying ? "pause" : "play"));
    name(this.playButton, isPlaying ? "Pause" : "Play");
    this.dispatchEvent(new Event("play"));
  }

  _tell() {
    this.timeText.textContent = `${timeText(this.time)} / ${timeText(this.length)}`;
    this.dispatchEvent(new Event("time"));
  }
}

/** A tool button with an icon. */
export function button(symbol, words, action) {
  return make("button", { class: "il-tool", type: "button", "aria-label": words, title: words, onclick: action }, icon(symbol));
}

function name(element, words) {
  element.setAttribute("aria-label", words);
  element.title = words;
}
