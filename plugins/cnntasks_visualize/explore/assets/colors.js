// Colours for numbers: blue below zero, the ground's own colour at zero, orange above.

const colors = {};

/** Read the theme's colours; again when the system turns light or dark. */
function readColors() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["low", "zero", "high", "ground", "ink", "text", "line", "reads", "feeds"]) {
    colors[name] = parseColor(style.getPropertyValue(`--${name}`).trim());
  }
}

function parseColor(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

const css = (rgb, alpha = 1) => `rgb(${rgb.map(Math.round).join(" ")} / ${alpha})`;
const mix = (from, to, part) => from.map((value, k) => value + (to[k] - value) * part);

/** A number between -limit and limit as [r, g, b]. */
function signedColor(value, limit) {
  const part = clamp(Math.abs(value) / (limit || 1), 0, 1) ** 0.8;
  return mix(colors.zero, value < 0 ? colors.low : colors.high, part);
}

/** A number between low and high as [r, g, b], from the ground to the ink. */
function inkColor(value, low, high) {
  return mix(colors.ground, colors.ink, clamp((value - low) / (high - low || 1), 0, 1));
}

/** A colour in which text can be read on another. */
function readable(rgb) {
  const light = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
  return light > 140 ? "#14171c" : "#ffffff";
}

/** Paint rows×cols numbers, one pixel each, into a canvas. */
function paintPixels(canvas, rows, cols, colorAt) {
  if (canvas.width !== cols || canvas.height !== rows) {
    canvas.width = cols;
    canvas.height = rows;
  }
  const context = canvas.getContext("2d");
  const image = context.createImageData(cols, rows);
  for (let at = 0; at < rows * cols; at++) {
    image.data.set(colorAt(at), 4 * at);
    image.data[4 * at + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Make a canvas as sharp as the screen; returns its context, in CSS pixels. */
function sharpen(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(Math.round(width * ratio), 1);
  canvas.height = Math.max(Math.round(height * ratio), 1);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return context;
}

/** Call back now that the theme is known, and whenever it changes. */
function onTheme(redraw) {
  readColors();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    readColors();
    redraw();
  });
}
