// Small tables of numbers with colours, and the two charts of the inspector.

/**
 * Draw rows×cols numbers as coloured cells, with the numbers in them where they fit.
 *
 * @param options {limit, color(value), marked}: `marked` is the cell to frame.
 */
function drawGrid(canvas, values, rows, cols, { limit, color, marked = null, label }) {
  const width = canvas.parentElement.clientWidth || 100;
  const cell = Math.min(width / cols, 34);
  const context = sharpen(canvas, cols * cell, rows * cell);
  canvas.style.width = `${cols * cell}px`;
  const written = cell >= 15;
  context.font = `${clamp(cell * 0.39, 7.5, 13)}px system-ui, "Helvetica Neue", Arial, sans-serif`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let at = 0; at < rows * cols; at++) {
    const [x, y] = [(at % cols) * cell, Math.floor(at / cols) * cell];
    const fill = color ? color(values[at]) : signedColor(values[at], limit);
    context.fillStyle = css(fill);
    context.fillRect(x, y, cell - 0.5, cell - 0.5);
    if (!written) continue;
    context.fillStyle = readable(fill);
    context.fillText(formatCell(values[at]), x + cell / 2, y + cell / 2 + 0.5);
  }
  if (marked !== null) {
    context.strokeStyle = css(colors.reads);
    context.lineWidth = 2.5;
    context.strokeRect((marked % cols) * cell + 1, Math.floor(marked / cols) * cell + 1, cell - 2.5, cell - 2.5);
  }
  const size = rows * cols <= 25 ? `: ${Array.from(values, (v) => format(v, 2)).join(", ")}` : "";
  canvas.setAttribute("aria-label", `${label}, ${rows} by ${cols}${size}`);
}

/** The sum after each term as a line, with a dot at the term that was reached. */
function drawRunning(canvas, sums, reached, breaks) {
  const [width, height] = [canvas.parentElement.clientWidth, 64];
  const context = sharpen(canvas, width, height);
  const [low, high] = [Math.min(0, ...sums), Math.max(0, ...sums)];
  const x = (k) => 4 + (k / Math.max(sums.length - 1, 1)) * (width - 8);
  const y = (value) => 6 + ((high - value) / (high - low || 1)) * (height - 12);
  context.strokeStyle = css(colors.line);
  context.lineWidth = 1;
  for (const at of breaks) line(context, [[x(at), 0], [x(at), height]]);
  context.strokeStyle = css(colors.text, 0.45);
  line(context, [[0, y(0)], [width, y(0)]]);
  const points = sums.map((value, k) => [x(k), y(value)]);
  context.lineWidth = 1.75;
  context.strokeStyle = css(colors.text, 0.28);
  line(context, points);
  context.strokeStyle = css(colors.reads);
  line(context, points.slice(0, reached + 1));
  context.fillStyle = css(colors.reads);
  context.beginPath();
  context.arc(...points[reached], 4, 0, 7);
  context.fill();
}

function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

/** A bar for each number, up or down from zero. */
function drawBars(canvas, values, label) {
  const [width, height] = [canvas.parentElement.clientWidth, 56];
  const context = sharpen(canvas, width, height);
  const most = Math.max(...values.map(Math.abs), 1e-9);
  const squares = values.every((value) => value >= 0);
  const zero = squares ? height - 2 : height / 2;
  const room = (squares ? height - 6 : height / 2 - 3) / most;
  const step = Math.min(width / values.length, 28);
  values.forEach((value, k) => {
    context.fillStyle = css(value < 0 ? colors.low : colors.high);
    const size = Math.max(Math.abs(value) * room, 0.75);
    context.fillRect(k * step, value < 0 ? zero : zero - size, Math.max(step - 1, 0.75), size);
  });
  context.fillStyle = css(colors.text, 0.45);
  context.fillRect(0, zero, values.length * step, 1);
  canvas.setAttribute("aria-label", label);
}

/** A picture with a frame around a part of it. */
function drawSight(canvas, side, colorAt, field, size) {
  const context = sharpen(canvas, size, size);
  canvas.style.width = `${size}px`;
  const cell = size / side;
  for (let at = 0; at < side * side; at++) {
    context.fillStyle = css(colorAt(at));
    context.fillRect((at % side) * cell, Math.floor(at / side) * cell, cell + 0.4, cell + 0.4);
  }
  context.strokeStyle = css(colors.reads);
  context.lineWidth = 2;
  const [height, width] = [field.bottom - field.top + 1, field.right - field.left + 1];
  context.strokeRect(
    clamp(field.left * cell, 1, size), clamp(field.top * cell, 1, size),
    Math.min(width * cell, size - 2), Math.min(height * cell, size - 2),
  );
}
