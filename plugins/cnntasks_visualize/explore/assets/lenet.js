// LeNet-5, unit by unit: the forward pass, and what each unit is made of and passed on to.
//
// LeCun et al. 1998, section II.B. Every layer is {id, name, kind, maps, rows, cols, ...}; a unit
// is {layer, map, row, col}, where the layers of numbers (C5, F6, output) have maps of 1×1.

const SQUASH_LIMIT = 1.7159;
const squash = (a) => SQUASH_LIMIT * Math.tanh((2 / 3) * a);

class LeNet {
  constructor(model) {
    const tensor = (name) => decodeFloats(model.tensors[name]);
    const all = (count) => Array.from({ length: count }, (_, map) => map);
    const classes = model.classes.length;
    this.mean = model.mean;
    this.std = model.std;
    this.layers = [
      { name: "Input", kind: "input", maps: 1, rows: 32, cols: 32, jump: 1, field: 1 },
      { name: "C1", kind: "convolution", maps: 6, rows: 28, cols: 28, jump: 1, field: 5,
        sees: all(6).map(() => [0]) },
      { name: "S2", kind: "subsampling", maps: 6, rows: 14, cols: 14, jump: 2, field: 6 },
      { name: "C3", kind: "convolution", maps: 16, rows: 10, cols: 10, jump: 2, field: 14,
        sees: model.table },
      { name: "S4", kind: "subsampling", maps: 16, rows: 5, cols: 5, jump: 4, field: 16 },
      { name: "C5", kind: "convolution", maps: 120, rows: 1, cols: 1, jump: 4, field: 32,
        sees: all(120).map(() => all(16)) },
      { name: "F6", kind: "full", maps: 84, rows: 1, cols: 1, jump: 4, field: 32 },
      { name: "Output", kind: "distance", maps: classes, rows: 1, cols: 1, jump: 4, field: 32 },
    ];
    this.layers.forEach((layer, index) => {
      layer.id = layer.name.toLowerCase();
      layer.index = index;
      layer.size = layer.maps * layer.rows * layer.cols;
      layer.sum = new Float32Array(layer.size);
      layer.out = new Float32Array(layer.size);
      if (layer.kind === "input") return;
      layer.weight = tensor(`${layer.id}.weight`);
      if (layer.kind !== "distance") layer.bias = tensor(`${layer.id}.bias`);
      if (layer.sees) {
        // Weights of a map lie one after the other: 25 for each map that it sees.
        let start = 0;
        layer.starts = layer.sees.map((maps) => (start += maps.length) - maps.length);
      }
    });
    this.probabilities = new Float32Array(classes);
  }

  layer(id) {
    return this.layers.find((layer) => layer.id === id);
  }

  /** Run the network on 32×32 bytes of light ink on dark ground. */
  forward(pixels) {
    const [input, ...rest] = this.layers;
    pixels.forEach((pixel, at) => {
      input.sum[at] = input.out[at] = (pixel - this.mean) / this.std;
    });
    for (const layer of rest) {
      this[layer.kind](layer, this.layers[layer.index - 1]);
      if (layer.kind !== "distance") layer.sum.forEach((a, at) => (layer.out[at] = squash(a)));
    }
    this.soften(this.layers.at(-1));
    return this.probabilities;
  }

  /** The sum over the maps that a map sees of a 5×5 window times 5×5 weights, plus a bias. */
  convolution(layer, before) {
    const { rows, cols } = layer;
    const [width, area] = [before.cols, before.rows * before.cols];
    for (let map = 0; map < layer.maps; map++) {
      for (let row = 0; row < rows; row++) {
        for (let col = 0; col < cols; col++) {
          let sum = layer.bias[map];
          layer.sees[map].forEach((seen, k) => {
            const weights = (layer.starts[map] + k) * 25;
            for (let i = 0; i < 5; i++) {
              const line = seen * area + (row + i) * width + col;
              for (let j = 0; j < 5; j++) {
                sum += layer.weight[weights + 5 * i + j] * before.out[line + j];
              }
            }
          });
          layer.sum[(map * rows + row) * cols + col] = sum;
        }
      }
    }
  }

  /** The sum of 2×2 units, times the map's coefficient, plus its bias. */
  subsampling(layer, before) {
    const width = before.cols;
    for (let at = 0; at < layer.size; at++) {
      const unit = this.unitAt(layer, at);
      const first = (unit.map * before.rows + 2 * unit.row) * width + 2 * unit.col;
      const four =
        before.out[first] + before.out[first + 1] +
        before.out[first + width] + before.out[first + width + 1];
      layer.sum[at] = four * layer.weight[unit.map] + layer.bias[unit.map];
    }
  }

  /** Each unit sees every unit before. */
  full(layer, before) {
    for (let map = 0; map < layer.maps; map++) {
      let sum = layer.bias[map];
      for (let k = 0; k < before.size; k++) sum += layer.weight[map * before.size + k] * before.out[k];
      layer.sum[map] = sum;
    }
  }

  /** The squared distance of F6 from the code of each class: the smallest wins. */
  distance(layer, before) {
    for (let map = 0; map < layer.maps; map++) {
      let sum = 0;
      for (let k = 0; k < before.size; k++) {
        sum += (before.out[k] - layer.weight[map * before.size + k]) ** 2;
      }
      layer.sum[map] = layer.out[map] = sum;
    }
  }

  /** Probabilities are the softmax of the negative distances. */
  soften(layer) {
    const nearest = Math.min(...layer.out);
    const powers = Array.from(layer.out, (distance) => Math.exp(nearest - distance));
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, map) => (this.probabilities[map] = power / total));
  }

  at(unit) {
    const layer = this.layers[unit.layer];
    return (unit.map * layer.rows + unit.row) * layer.cols + unit.col;
  }

  unitAt(layer, at) {
    const area = layer.rows * layer.cols;
    const within = at % area;
    return {
      layer: layer.index,
      map: Math.floor(at / area),
      row: Math.floor(within / layer.cols),
      col: within % layer.cols,
    };
  }

  value(unit) {
    return this.layers[unit.layer].out[this.at(unit)];
  }

  /** The pixels that a unit can see, both ends included. */
  field(unit) {
    const { jump, field } = this.layers[unit.layer];
    const [top, left] = [unit.row * jump, unit.col * jump];
    return { top, left, bottom: top + field - 1, right: left + field - 1, size: field };
  }

  /** The window of units before that a window of units sees: {top, left, bottom, right}. */
  windowBefore(layer, { top, left, bottom, right }) {
    if (layer.kind === "convolution") return { top, left, bottom: bottom + 4, right: right + 4 };
    if (layer.kind === "subsampling") {
      return { top: 2 * top, left: 2 * left, bottom: 2 * bottom + 1, right: 2 * right + 1 };
    }
    return { top: 0, left: 0, bottom: 0, right: 0 };
  }

  /** The maps of the layer before that a map sees. */
  mapsBefore(layer, map) {
    if (layer.sees) return layer.sees[map];
    if (layer.kind === "subsampling") return [map];
    return Array.from({ length: this.layers[layer.index - 1].maps }, (_, k) => k);
  }
}
