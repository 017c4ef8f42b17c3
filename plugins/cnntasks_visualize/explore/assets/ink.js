// From strokes to the picture that the network was trained on: MNIST's own preparation.
//
// LeCun et al. 1998, section III.A: a digit was scaled into a box of 20×20 pixels, its shape kept,
// grey at its edges, and put into 28×28 so that its centre of mass lies in the middle. Strokes are
// scaled before they become pixels, so that a pen is as wide in a small drawing as in a large one.

const FIELD = 28;
const BOX = 20;
/** Half the width of the pen, in pixels of the 28×28 picture. */
const PEN = 1.15;
/** Drawings smaller than this part of the pad are not enlarged further: a dot stays a dot. */
const SMALLEST = 0.12;

/**
 * The 28×28 picture of a drawing, bytes from 0 (ground) to 255 (ink).
 *
 * @param strokes lists of [x, y] with coordinates from 0 to 1, y downwards.
 */
function inkToField(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Uint8Array(FIELD * FIELD);
  const xs = points.map((point) => point[0]);
  const ys = points.map((point) => point[1]);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scale = (BOX - 2 * PEN) / Math.max(right - left, bottom - top, SMALLEST);
  const place = (dx, dy) =>
    strokes.map((stroke) =>
      stroke.map(([x, y]) => [
        (x - (left + right) / 2) * scale + FIELD / 2 + dx,
        (y - (top + bottom) / 2) * scale + FIELD / 2 + dy,
      ]),
    );
  const [x, y] = centreOfMass(rasterize(place(0, 0)), FIELD);
  return Uint8Array.from(rasterize(place(FIELD / 2 - x, FIELD / 2 - y)), (v) => Math.round(255 * v));
}

/** Coverage of each pixel, 0 to 1, by a round pen along the strokes; antialiased. */
function rasterize(strokes) {
  const cover = new Float32Array(FIELD * FIELD);
  const reach = PEN + 1;
  for (const stroke of strokes) {
    for (let i = 0; i < stroke.length; i++) {
      const [ax, ay] = stroke[Math.max(i - 1, 0)];
      const [bx, by] = stroke[i];
      const [firstRow, lastRow] = [Math.floor(Math.min(ay, by) - reach), Math.max(ay, by) + reach];
      const [firstCol, lastCol] = [Math.floor(Math.min(ax, bx) - reach), Math.max(ax, bx) + reach];
      for (let row = Math.max(firstRow, 0); row <= Math.min(lastRow, FIELD - 1); row++) {
        for (let col = Math.max(firstCol, 0); col <= Math.min(lastCol, FIELD - 1); col++) {
          const away = distanceToSegment(col + 0.5, row + 0.5, ax, ay, bx, by);
          const at = row * FIELD + col;
          cover[at] = Math.max(cover[at], clamp(PEN + 0.5 - away, 0, 1));
        }
      }
    }
  }
  return cover;
}

function distanceToSegment(x, y, ax, ay, bx, by) {
  const [dx, dy] = [bx - ax, by - ay];
  const long = dx * dx + dy * dy;
  const part = long ? clamp(((x - ax) * dx + (y - ay) * dy) / long, 0, 1) : 0;
  return Math.hypot(x - ax - part * dx, y - ay - part * dy);
}

/** [x, y] of a picture's centre of mass, with the first pixel's middle at 0.5; the middle of
 * an empty one. */
function centreOfMass(values, side) {
  let [mass, x, y] = [0, 0, 0];
  values.forEach((value, at) => {
    mass += value;
    x += value * ((at % side) + 0.5);
    y += value * (Math.floor(at / side) + 0.5);
  });
  return mass ? [x / mass, y / mass] : [side / 2, side / 2];
}

/** A 28×28 picture in the middle of side×side pixels of ground. */
function padField(field, side, ground) {
  const padded = new Uint8Array(side * side).fill(ground);
  const margin = (side - FIELD) / 2;
  for (let row = 0; row < FIELD; row++) {
    const line = field.subarray(row * FIELD, (row + 1) * FIELD);
    padded.set(line, (row + margin) * side + margin);
  }
  return padded;
}
