/* Small pieces of pages. */

/** An element: `make("button", {class: "cd-button", onclick: f}, "Start")`. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) {
      continue;
    }
    if (name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

/** One of our line icons, 20 px, for decoration only. */
export function icon(name) {
  const paths = {
    check: "M4.5 10.5l3.5 3.5 7.5-8",
    clock: "M10 5.5V10l3 2M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15z",
    away: "M3 3l14 14M5.2 8.3A8 8 0 0 1 8 6.9M12.7 7.2a8 8 0 0 1 2.2 1.3M7.6 11.6a4 4 0 0 1 3.6-1M10 14.5v.01",
    stop: "M10 2.5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15zM4.8 4.8l10.4 10.4",
    door: "M11.5 3.5h4v13h-4M3.5 10h8M8.5 7l3 3-3 3",
    inbox: "M3 11.5l2.2-7h9.6l2.2 7v4.5H3zM3 11.5h4l1 2h4l1-2h4",
    eye: "M2.5 10S5.2 5 10 5s7.5 5 7.5 5-2.7 5-7.5 5-7.5-5-7.5-5zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
    people: "M7.5 9.5a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM2.5 16c.4-2.6 2.4-4.3 5-4.3s4.6 1.7 5 4.3M13 4.2a2.7 2.7 0 0 1 0 5.1M14.5 11.9c1.7.5 2.8 2 3 4.1",
    pause: "M7 5v10M13 5v10",
    plus: "M10 4.5v11M4.5 10h11",
    minus: "M4.5 10h11",
    fit: "M3.5 7.5v-4h4M12.5 3.5h4v4M16.5 12.5v4h-4M7.5 16.5h-4v-4",
    hand: "M10 2.5v15M2.5 10h15M10 2.5L8 4.5M10 2.5l2 2M10 17.5l-2-2M10 17.5l2-2M2.5 10l2-2M2.5 10l2 2M17.5 10l-2-2M17.5 10l-2 2",
    box: "M4 5.5h12v9H4zM4 5.5h.01M16 5.5h.01M4 14.5h.01M16 14.5h.01",
    play: "M6.5 4.5v11l9-5.5z",
    stepback: "M13.5 5l-6 5 6 5M5 5v10",
    stepon: "M6.5 5l6 5-6 5M15 5v10",
    undo: "M7.5 4.5L4 8l3.5 3.5M4 8h7.5a4.3 4.3 0 0 1 0 8.5H8",
    redo: "M12.5 4.5L16 8l-3.5 3.5M16 8H8.5a4.3 4.3 0 0 0 0 8.5H12",
    sound: "M3.5 8v4h3l4 3.5v-11L6.5 8zM13.5 7.5a3.5 3.5 0 0 1 0 5",
    muted: "M3.5 8v4h3l4 3.5v-11L6.5 8zM13 8l4 4M17 8l-4 4",
    markin: "M13 4H8v12h5M4 10h7",
    markout: "M7 4h5v12H7M16 10H9",
    trash: "M4 6h12M8 6V4h4v2M6 6l.7 10h6.6L14 6",
    keys: "M2.5 6h15v8.5h-15zM5.5 9h.01M8.5 9h.01M11.5 9h.01M14.5 9h.01M6.5 12h7",
  };
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "cd-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}

/** A text in paragraphs, cut at empty lines. */
export function paragraphs(text) {
  return String(text || "")
    .split(/\n\s*\n/)
    .filter((part) => part.trim())
    .map((part) => {
      const lines = part.trim().split("\n");
      const bullets = lines.every((line) => /^\s*[-*•]\s+/.test(line));
      if (bullets) {
        return make("ul", {}, ...lines.map((line) => make("li", {}, line.replace(/^\s*[-*•]\s+/, ""))));
      }
      return make("p", {}, part.trim());
    });
}

/** An amount as people write it. */
export function money(amount, currency) {
  const number = Number(amount);
  try {
    return new Intl.NumberFormat(undefined, {
      style: "currency",
      currency,
      maximumFractionDigits: Number.isInteger(number * 100) ? 2 : 4,
    }).format(number);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** Seconds as 4:05 or 1:04:05. */
export function clockText(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const shown = parts[0] ? parts : parts.slice(1);
  return shown.map((part, place) => (place ? String(part).padStart(2, "0") : part)).join(":");
}

/** Whether a key press belongs to a field that takes text. */
export function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.matches("textarea, select, input:not([type=radio]):not([type=checkbox]):not([type=button])"))
  );
}
