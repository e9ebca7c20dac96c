/* What a page keeps on the worker's device: drafts, receipts, and the visit that is under way. */

const PREFIX = "crowdesk.";
const KEPT_DAYS = 14;

/** Keep a value under a name. False when the device keeps nothing (private window, full storage). */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify({ at: Date.now(), value }));
    return true;
  } catch {
    return false;
  }
}

/** The value kept under a name, or null. */
export function kept(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name))?.value ?? null;
  } catch {
    return null;
  }
}

/** Keep it no longer. */
export function forget(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    /* there is no storage, so nothing is kept */
  }
}

/** Drop drafts and receipts that nobody came back for. */
export function tidy() {
  try {
    const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(PREFIX) && !((JSON.parse(localStorage.getItem(key))?.at ?? 0) > oldest)) {
        localStorage.removeItem(key);
      }
    }
  } catch {
    /* as above */
  }
}

/** A random name for a visit: which unit a page holds is found by it again after a reload. */
export function newVisit() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
