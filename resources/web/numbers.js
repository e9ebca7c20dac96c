/** `number` between `least` and `most`, which may come in either order. */
export function clamp(number, least, most) {
  return Math.min(Math.max(number, Math.min(least, most)), Math.max(least, most));
}
