// A recorded run: the maps of every layer in 8 bits, and which units can see which.

class Recording {
  constructor(payload, bytes) {
    const [height, width, channels] = payload.picture;
    Object.assign(this, { height, width, channels, payload });
    this.pixels = bytes.subarray(0, height * width * channels);
    let offset = this.pixels.length;
    this.layers = payload.layers.map((given, index) => {
      const layer = { ...given, index, area: given.rows * given.cols };
      layer.data = bytes.subarray(offset, offset + layer.area * layer.channels.length);
      offset += layer.data.length;
      return layer;
    });
  }

  /** The number of one unit, as exact as 8 bits of its map's range are. */
  value(layer, map, at) {
    const [low, high] = [layer.low[map], layer.high[map]];
    return low + ((high - low) * layer.data[map * layer.area + at]) / 255;
  }

  /** [red, green, blue] of a pixel of the picture. */
  pixel(row, col) {
    if (row < 0 || col < 0 || row >= this.height || col >= this.width) return null;
    const at = (row * this.width + col) * this.channels;
    const grey = this.channels === 1;
    return [0, 1, 2].map((k) => this.pixels[at + (grey ? 0 : k)]);
  }

  /**
   * The pixels that a window of units sees, both ends included; it may reach into the padding.
   * Null where that is not known.
   */
  sight(layer, { top, left, bottom, right }) {
    if (!layer.field) return null;
    const whole = { top: 0, left: 0, bottom: this.height - 1, right: this.width - 1 };
    if (!layer.start) return { ...whole, whole: true };
    const [down, across] = layer.jump || [0, 0];
    const [y, x] = layer.start;
    return {
      top: y + top * down, left: x + left * across,
      bottom: y + bottom * down + layer.field[0] - 1,
      right: x + right * across + layer.field[1] - 1,
    };
  }

  /**
   * The units of an earlier layer that can reach one which sees these pixels: all whose own field
   * lies within. In a chain of layers that is exact; between branches it is the most there can be.
   */
  within(layer, sight) {
    const units = (first, last, size, start, jump, field) => {
      if (!jump) return [0, size - 1];
      return [Math.ceil((first - start) / jump), Math.floor((last - field + 1 - start) / jump)];
    };
    return this.window(layer, sight, units);
  }

  /** The units of a later layer that can see all that one sees. */
  beyond(layer, sight) {
    const units = (first, last, size, start, jump, field) => {
      if (!jump) return [0, size - 1];
      return [Math.ceil((last - field + 1 - start) / jump), Math.floor((first - start) / jump)];
    };
    return this.window(layer, sight, units);
  }

  window(layer, sight, units) {
    if (!layer.field || !sight || layer.area === 1) return null;
    const all = { top: 0, left: 0, bottom: layer.rows - 1, right: layer.cols - 1 };
    if (!layer.start || sight.whole) return all;
    const jump = layer.jump || [0, 0];
    const [top, bottom] = units(sight.top, sight.bottom, layer.rows, layer.start[0], jump[0], layer.field[0]);
    const [left, right] = units(sight.left, sight.right, layer.cols, layer.start[1], jump[1], layer.field[1]);
    const cut = {
      top: Math.max(top, 0), left: Math.max(left, 0),
      bottom: Math.min(bottom, layer.rows - 1), right: Math.min(right, layer.cols - 1),
    };
    return cut.top <= cut.bottom && cut.left <= cut.right ? cut : null;
  }

  /** The unit with the largest number of a map, or of a whole layer. */
  strongest(layer, only = null) {
    let best = { layer: layer.index, map: only || 0, row: 0, col: 0 };
    let most = -Infinity;
    const maps = only === null ? layer.channels.map((_, map) => map) : [only];
    for (const map of maps) {
      for (let at = 0; at < layer.area; at++) {
        const value = this.value(layer, map, at);
        if (value <= most) continue;
        most = value;
        best = { layer: layer.index, map, row: Math.floor(at / layer.cols), col: at % layer.cols };
      }
    }
    return best;
  }
}

/** What a layer does, in words. */
function describeLayer(layer) {
  const sides = (pair) => (pair ? pair.join(" × ") : "");
  const stride = layer.stride && layer.stride.some((step) => step > 1) ? `, stride ${layer.stride[0]}` : "";
  const names = {
    convolution: `convolution ${sides(layer.kernel)}${stride}`,
    pooling: layer.rows === 1 ? `${layer.made}` : `${layer.made} ${sides(layer.kernel)}${stride}`,
    linear: "fully connected",
    join: { add: "sum of two paths", cat: "paths side by side", mul: "product of two paths" }[layer.made] || layer.made,
  };
  const split = layer.groups > 1 ? (layer.groups === layer.total ? ", each map by itself" : `, ${layer.groups} groups`) : "";
  const then = layer.then.length ? `, then ${layer.then.join(", ")}` : "";
  return `${names[layer.kind]}${split}${then}`;
}

function sizeOf(layer) {
  const size = layer.area > 1 ? `${layer.total} @ ${layer.rows} × ${layer.cols}` : `${layer.total.toLocaleString("en")} numbers`;
  const kept = layer.channels.length;
  return kept < layer.total ? `${size}, the ${kept} strongest kept` : size;
}
