// The layers of the network as pictures, from the input down to the answer.

const ABOUT = {
  input: ["32 × 32 pixels", "Your strokes, scaled into 20 × 20 pixels and centred by mass, as the digits of MNIST were. Ground is −0.1, ink about 1.2."],
  c1: ["convolution 5 × 5", "Each map slides one filter of 25 weights over the picture: the same feature is looked for everywhere."],
  s2: ["subsampling 2 × 2", "Four neighbours are added up, times a coefficient, plus a bias: where exactly a feature was matters less from here on."],
  c3: ["convolution 5 × 5", "Features of features. A map reads only some maps of S2 (the paper's Table I), so that maps have to become different."],
  s4: ["subsampling 2 × 2", "Half the resolution again."],
  c5: ["convolution 5 × 5", "Its windows are as large as the maps of S4, so each of the 120 numbers reads all 16 maps: full connection."],
  f6: ["fully connected", "84 numbers from 120. They are trained to look like a small picture, 7 × 12, of the digit."],
  output: ["distance to codes", "How far F6 is from the drawn code of each class, squared; the nearest class is the answer."],
};

/** Build a band for each layer; returns the views by layer index. */
function buildLayers(net, classes, host) {
  return net.layers.map((layer) => {
    const [what] = ABOUT[layer.id];
    const count = layer.weight && layer.kind !== "distance" ? layer.weight.length + layer.bias.length : 0;
    const size = layer.rows > 1 ? `${layer.maps} @ ${layer.rows} × ${layer.cols}` : `${layer.maps} units`;
    const heading = element("div", { class: "what" },
      element("h3", {}, layer.name),
      element("p", {}, what),
      element("p", { class: "quiet" }, layer.kind === "input" ? "" : size),
      element("p", { class: "quiet" }, count ? plural(count, "weight") : ""),
    );
    const maps = element("div", { class: `maps ${layer.id}`, tabindex: "0", role: "application",
      "aria-label": `${layer.name}, ${what}, ${size}. Arrow keys move from unit to unit.` });
    if (layer.kind === "input") maps.append(element("p", { class: "note quiet" }, ABOUT.input[1]));
    host.append(element("section", { class: "layer", "data-layer": layer.id }, heading, maps));
    if (layer.kind === "distance") return new CodesView(net, layer, classes, maps);
    return layer.rows > 1 ? new MapsView(net, layer, maps) : new NumbersView(net, layer, maps);
  });
}

/** A layer of maps, one canvas each. */
class MapsView {
  constructor(net, layer, host) {
    Object.assign(this, { net, layer, host });
    this.canvases = Array.from({ length: layer.maps }, (_, map) => {
      const canvas = element("canvas", { "aria-hidden": "true" });
      canvas.dataset.map = map;
      return canvas;
    });
    host.prepend(...this.canvases);
  }

  paint() {
    const { layer } = this;
    const area = layer.rows * layer.cols;
    this.canvases.forEach((canvas, map) => {
      paintPixels(canvas, layer.rows, layer.cols, (at) => {
        const value = layer.out[map * area + at];
        if (layer.kind === "input") return inkColor(value, -0.1, 1.175);
        return signedColor(value, SQUASH_LIMIT);
      });
    });
  }

  unitUnder(event) {
    const canvas = event.target.closest("canvas");
    if (!canvas) return null;
    const box = canvas.getBoundingClientRect();
    const part = (at, start, size, count) => clamp(Math.floor(((at - start) / size) * count), 0, count - 1);
    return {
      layer: this.layer.index,
      map: Number(canvas.dataset.map),
      row: part(event.clientY, box.top, box.height, this.layer.rows),
      col: part(event.clientX, box.left, box.width, this.layer.cols),
    };
  }

  /** Where a window of units of one map is on the screen. */
  box(map, { top, left, bottom, right }) {
    const box = this.canvases[map].getBoundingClientRect();
    const [height, width] = [box.height / this.layer.rows, box.width / this.layer.cols];
    return new DOMRect(
      box.left + left * width, box.top + top * height,
      (right - left + 1) * width, (bottom - top + 1) * height,
    );
  }
}

/** A layer of numbers as one picture: C5 and F6. */
class NumbersView {
  constructor(net, layer, host) {
    Object.assign(this, { net, layer, host });
    this.cols = COLUMNS[layer.id];
    this.rows = layer.maps / this.cols;
    this.canvas = element("canvas", { "aria-hidden": "true" });
    host.append(this.canvas);
  }

  paint() {
    const { out } = this.layer;
    paintPixels(this.canvas, this.rows, this.cols, (at) => signedColor(out[at], SQUASH_LIMIT));
  }

  unitUnder(event) {
    const box = this.canvas.getBoundingClientRect();
    const col = Math.floor(((event.clientX - box.left) / box.width) * this.cols);
    const row = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
    if (row < 0 || col < 0 || row >= this.rows || col >= this.cols) return null;
    return { layer: this.layer.index, map: row * this.cols + col, row: 0, col: 0 };
  }

  box(map) {
    const box = this.canvas.getBoundingClientRect();
    const [height, width] = [box.height / this.rows, box.width / this.cols];
    const [row, col] = [Math.floor(map / this.cols), map % this.cols];
    return new DOMRect(box.left + col * width, box.top + row * height, width, height);
  }
}

/** The output layer: the code of each class, its distance and its probability. */
class CodesView {
  constructor(net, layer, classes, host) {
    Object.assign(this, { net, layer, host });
    this.cards = classes.map((name, map) => {
      const canvas = element("canvas", { "aria-hidden": "true" });
      const label = element("b", {}, name);
      const distance = element("span", { class: "quiet" });
      const card = element("div", { class: "code" }, canvas, label, distance);
      card.dataset.map = map;
      host.append(card);
      return { card, canvas, distance };
    });
  }

  paint() {
    const { weight, out } = this.layer;
    const winner = strongestUnit(this.net, this.layer);
    this.cards.forEach(({ card, canvas, distance }, map) => {
      paintPixels(canvas, 12, 7, (at) => signedColor(weight[84 * map + at], 1.7));
      distance.textContent = out[map].toFixed(out[map] < 9.95 ? 1 : 0);
      card.classList.toggle("winner", map === winner.map);
    });
  }

  unitUnder(event) {
    const card = event.target.closest(".code");
    if (!card) return null;
    return { layer: this.layer.index, map: Number(card.dataset.map), row: 0, col: 0 };
  }

  box(map) {
    return this.cards[map].card.getBoundingClientRect();
  }
}
