// What Python wrote into the page, and how its binary parts are read.

const PAYLOAD = JSON.parse(document.getElementById("payload").textContent);

/** Base64 to bytes. */
function decodeBytes(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

/** Base64 of little-endian float32 numbers to an array of them, whatever this machine's order. */
function decodeFloats(text) {
  const view = new DataView(decodeBytes(text).buffer);
  const numbers = new Float32Array(view.byteLength / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = view.getFloat32(4 * i, true);
  return numbers;
}

/** Base64 of a zlib stream to bytes; a promise, since browsers decompress in the background. */
async function inflateBytes(text) {
  const stream = new Blob([decodeBytes(text)]).stream();
  const inflated = stream.pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(inflated).arrayBuffer());
}

const byId = (id) => document.getElementById(id);

/** A new element with attributes and children; text never becomes markup. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const plural = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

/** A number for people: a true minus sign, and so many decimals. */
function format(value, digits = 3) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

/** As short as fits into a cell: −.12, 1.2, 35. */
function formatCell(value) {
  const size = Math.abs(value);
  if (size < 0.005) return "0";
  return format(value, size < 9.95 ? (size < 0.995 ? 2 : 1) : 0).replace(/^(−?)0\./, "$1.");
}
