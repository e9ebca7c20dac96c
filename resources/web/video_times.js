/* Times in a video: seconds, and as people write them. */

/** Seconds as 0:01.200 or 1:02:03.400. */
export function timeText(seconds) {
  const whole = Math.max(0, Math.round(seconds * 1000));
  const hours = Math.floor(whole / 3600000);
  const minutes = Math.floor(whole / 60000) % 60;
  const rest = `${String(Math.floor(whole / 1000) % 60).padStart(2, "0")}.${String(whole % 1000).padStart(3, "0")}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** "1.2", "0:01,2" or "1:02:03.4" in seconds; null for what is no time. */
export function readTime(text) {
  const found = /^(?:(?:(\d{1,3}):)?(\d{1,3}):)?(\d{1,6}(?:[.,]\d{1,9})?)$/.exec(String(text).trim());
  if (!found) {
    return null;
  }
  return Number(found[1] || 0) * 3600 + Number(found[2] || 0) * 60 + Number(found[3].replace(",", "."));
}

/** Rounded to a thousandth, as answers carry it. */
export function rounded(seconds) {
  return Math.round(seconds * 1000) / 1000;
}

/**
 * When a picture begins, to the thousandth after it: files tell times in thousandths or finer, rounded either way, and a
 * time a hair too early shows the picture before.
 */
export function pictureTime(number, fps) {
  return Math.ceil((number / fps) * 1000 - 0.001) / 1000;
}
