// The first convolution of a recorded network: its input is the picture, so its sums are exact.

class Filters {
  constructor(recording, given) {
    Object.assign(this, { recording, given });
    this.weights = decodeFloats(given.weights);
    [this.rows, this.cols] = given.kernel;
  }

  /** What the unit adds up, a group for each channel of the picture; see `termsOf`. */
  terms(unit) {
    const { recording, given, rows, cols } = this;
    const channels = recording.channels;
    const area = rows * cols;
    const top = unit.row * given.stride[0] - given.padding[0];
    const left = unit.col * given.stride[1] - given.padding[1];
    const groups = [];
    for (let channel = 0; channel < channels; channel++) {
      const start = (unit.map * channels + channel) * area;
      const weights = Array.from(this.weights.subarray(start, start + area));
      const inputs = weights.map((_, k) => {
        const color = recording.pixel(top + Math.floor(k / cols), left + (k % cols));
        return color ? (color[channel] - given.mean[channel]) / given.std[channel] : 0;
      });
      const products = inputs.map((x, k) => x * weights[k]);
      const sum = products.reduce((total, product) => total + product, 0);
      groups.push({ map: channel, rows, cols, inputs, weights, products, sum });
    }
    return { groups, count: channels * area };
  }

  words(unit, layer) {
    const { given, recording } = this;
    const names = recording.channels === 3 ? ["red", "green", "blue"] : ["grey"];
    return {
      inputs: "scaled pixels", weights: "weights", products: "products", sign: "×",
      term: "product", widest: 5,
      name: (group) => names[group.map] || `channel ${group.map}`,
      inputLimit: 2.5, inputColor: null,
      formula: (total) => {
        const sum = total + given.bias[unit.map];
        const lines = [`${format(total)} + bias ${format(given.bias[unit.map])} = ${format(sum)}`];
        if (given.scale) {
          const [scale, shift] = [given.scale[unit.map], given.shift[unit.map]];
          lines.push(`normalised: × ${format(scale)} + ${format(shift)} = ${format(scale * sum + shift)}`);
        }
        const rest = layer.then.filter((kind) => !kind.includes("Norm")).join(", ");
        if (rest) {
          const at = unit.row * layer.cols + unit.col;
          lines.push(`${rest}: ${format(recording.value(layer, unit.map, at), 2)}`);
        }
        return lines.join("\n");
      },
    };
  }
}
