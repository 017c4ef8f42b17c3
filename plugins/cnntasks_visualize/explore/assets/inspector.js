// The panel that tells everything about one unit.

class Inspector {
  constructor(net, classes) {
    Object.assign(this, { net, classes, unit: null, arithmetic: new Arithmetic() });
    byId("fold").addEventListener("click", () => this.fold());
  }

  /** Show a unit; what was stepped through so far is kept for the same unit only. */
  show(unit, terms) {
    const same = this.unit && ["layer", "map", "row", "col"].every((key) => this.unit[key] === unit[key]);
    this.unit = unit;
    this.terms = terms;
    this.layer = this.net.layers[unit.layer];
    this.title();
    this.sight();
    this.arithmetic.show(terms, this.words(), !same);
    this.targets();
  }

  title() {
    const { unit, layer, net } = this;
    const value = format(net.value(unit), 3);
    byId("unit-name").replaceChildren(this.nameOf(unit), element("output", {}, value));
    byId("unit-about").textContent = ABOUT[layer.id][1];
    const single = layer.rows === 1;
    for (const id of ["move-left", "move-up", "move-down", "move-right", "slide"]) byId(id).hidden = single;
    byId("previous-map").textContent = single ? "‹ unit" : "‹ map";
    byId("next-map").textContent = single ? "unit ›" : "map ›";
    byId("previous-map").disabled = byId("next-map").disabled = layer.maps === 1;
  }

  nameOf(unit) {
    const layer = this.net.layers[unit.layer];
    if (layer.kind === "distance") return `Output, class ${this.classes[unit.map]}`;
    if (layer.rows === 1) return `${layer.name}, unit ${unit.map}`;
    const place = `row ${unit.row}, column ${unit.col}`;
    return layer.maps === 1 ? `${layer.name}, ${place}` : `${layer.name}, map ${unit.map}, ${place}`;
  }

  sight() {
    const { net, unit } = this;
    const input = net.layers[0];
    const field = net.field(unit);
    const colorAt = (at) => inkColor(input.out[at], -0.1, 1.175);
    const size = clamp(byId("unit-body").clientWidth * 0.3, 84, 116);
    drawSight(byId("whole"), 32, colorAt, field, size);
    const places = [];
    for (let row = field.top; row <= field.bottom; row++) {
      for (let col = field.left; col <= field.right; col++) places.push(32 * row + col);
    }
    const patch = byId("patch");
    const context = sharpen(patch, size, size);
    patch.style.width = `${size}px`;
    const cell = size / field.size;
    places.forEach((at, k) => {
      context.fillStyle = css(colorAt(at));
      const [x, y] = [(k % field.size) * cell, Math.floor(k / field.size) * cell];
      context.fillRect(x, y, cell + 0.4, cell + 0.4);
    });
    const span = field.size === 1
      ? "It is a pixel itself."
      : `${field.size} × ${field.size} of the 32 × 32 pixels: rows ${field.top}–${field.bottom}, ` +
        `columns ${field.left}–${field.right}.`;
    byId("sight-text").textContent = span;
    byId("whole").setAttribute("aria-label", `The input with the receptive field framed: ${span}`);
    patch.setAttribute("aria-label", "The receptive field, enlarged");
  }

  /** The names of what is added up, and what comes after the sum. */
  words() {
    const { layer, unit, terms } = this;
    const before = this.net.layers[layer.index - 1];
    const squares = layer.kind === "distance";
    const pixels = before && before.kind === "input";
    return {
      inputs: pixels ? "pixels" : `outputs of ${before ? before.name : ""}`,
      weights: { distance: "code", subsampling: "coefficient" }[layer.kind] || "weights",
      products: squares ? "difference²" : "products",
      sign: squares ? "−" : "×",
      term: squares ? "square" : "product",
      name: (group) => `map ${group.map}`,
      inputLimit: SQUASH_LIMIT,
      weightLimit: squares ? SQUASH_LIMIT : null,
      inputColor: pixels ? (value) => inkColor(value, -0.1, 1.175) : null,
      formula: (total) => {
        const [bias, sum, out] = [terms.bias, terms.sum, terms.out].map((value) => format(value));
        if (squares) {
          const part = (100 * this.net.probabilities[unit.map]).toFixed(1);
          return `distance² = ${out}\nsoftmax of −distance²: ${part} %`;
        }
        const given = terms.groups[0].weights[0];
        const added = layer.kind === "subsampling"
          ? `${format(total / (given || 1))} × ${format(given)}`
          : format(total);
        return `${added} + bias ${bias} = ${sum}\n1.7159 · tanh(2/3 · ${sum}) = ${out}`;
      },
    };
  }

  targets() {
    const { net, unit, layer } = this;
    const next = net.layers[layer.index + 1];
    byId("targets-part").hidden = !next;
    if (!next) return;
    const found = targetsOf(net, unit);
    const maps = new Set(found.map((it) => it.unit.map)).size;
    const verb = next.kind === "distance" ? "is compared with" : "is read by";
    let text = `It ${verb} ${plural(found.length, "unit")} of ${next.name}`;
    if (next.rows > 1 && maps > 1) text += `, in ${maps} of its ${next.maps} maps`;
    const [only] = found;
    if (found.length === 1) text += `: map ${only.unit.map}, row ${only.unit.row}, column ${only.unit.col}`;
    byId("targets-text").textContent = found.length
      ? `${text}. ${found.length > 1 ? "What it adds to each:" : `It adds ${format(only.product)}.`}`
      : "No window reaches it: it is read by no unit.";
    const chart = byId("targets");
    chart.hidden = found.length < 2;
    if (!chart.hidden) drawBars(chart, found.map((it) => it.product), `${text}, as bars`);
    byId("follow-back").hidden = layer.index === 0;
    byId("follow-on").disabled = !found.length;
  }

  fold(folded = byId("fold").getAttribute("aria-expanded") === "true") {
    byId("fold").setAttribute("aria-expanded", String(!folded));
    byId("inspector").classList.toggle("folded", folded);
    if (!folded && this.unit) this.show(this.unit, this.terms); // hidden, it had no size
  }
}
