// The panel that tells everything about one unit.

class Inspector {
  constructor(net, classes) {
    Object.assign(this, { net, classes, unit: null, group: 0, reached: null, timer: null });
    const press = (id, action) => byId(id).addEventListener("click", action);
    press("step-first", () => this.step(0));
    press("step-back", () => this.step(this.at() - 1));
    press("step-next", () => this.step(this.at() + 1));
    press("step-last", () => this.step(null));
    press("step-play", () => this.play());
    press("fold", () => this.fold());
  }

  /** Show a unit; what was stepped through so far is kept for the same unit only. */
  show(unit, terms) {
    const same = this.unit && ["layer", "map", "row", "col"].every((key) => this.unit[key] === unit[key]);
    if (!same) {
      const kept = this.unit && this.unit.layer === unit.layer ? this.group : 0;
      this.group = Math.min(kept, Math.max(terms.groups.length - 1, 0));
      this.reached = null;
      this.stop();
    }
    this.unit = unit;
    this.terms = terms;
    this.layer = this.net.layers[unit.layer];
    this.title();
    this.sight();
    byId("sum-part").hidden = terms.count === 0;
    if (terms.count) this.arithmetic();
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

  arithmetic() {
    const { layer, terms, net } = this;
    const before = net.layers[layer.index - 1];
    const squares = layer.kind === "distance";
    byId("first-sign").textContent = squares ? "−" : "×";
    byId("inputs-label").textContent = before.kind === "input" ? "pixels" : `outputs of ${before.name}`;
    byId("weights-label").textContent = squares ? "code of the class" : layer.kind === "subsampling" ? "coefficient" : "weights";
    byId("products-label").textContent = squares ? "difference²" : "products";
    this.choices();
    this.progress();
  }

  /** A button for each map that it reads, with what that map adds. */
  choices() {
    const { terms, net, layer } = this;
    const host = byId("groups");
    host.hidden = terms.groups.length === 1;
    if (host.hidden) return;
    const before = net.layers[layer.index - 1];
    const most = Math.max(...terms.groups.map((group) => Math.abs(group.sum)), 1e-9);
    if (host.children.length !== terms.groups.length) {
      host.replaceChildren(...terms.groups.map((_, k) => {
        const button = element("button", { type: "button", class: "chip" });
        button.addEventListener("click", () => this.choose(k));
        return button;
      }));
    }
    terms.groups.forEach((group, k) => {
      const button = host.children[k];
      const color = signedColor(group.sum, most);
      button.replaceChildren(element("small", {}, `map ${group.map}`), format(group.sum, 2));
      button.style.background = css(color);
      button.style.color = readable(color);
      button.setAttribute("aria-pressed", String(k === this.group));
      button.setAttribute("aria-label", `${before.name} map ${group.map} adds ${format(group.sum)}`);
    });
  }

  choose(group) {
    const start = this.terms.groups.slice(0, group).reduce((sum, it) => sum + it.units.length, 0);
    this.group = group;
    if (this.reached !== null) this.reached = start + 1;
    this.arithmetic();
  }

  at() {
    return this.reached === null ? this.terms.count : this.reached;
  }

  /** Go to where so many terms have been added; null is the whole sum. */
  step(reached, playing = false) {
    if (!this.terms.count) return;
    if (!playing) this.stop();
    this.reached = reached === null ? null : clamp(reached, 0, this.terms.count);
    if (this.reached) {
      let left = this.reached - 1;
      this.group = this.terms.groups.findIndex((group) => (left -= group.units.length) < 0);
    } else if (this.reached === 0) {
      this.group = 0;
    }
    this.arithmetic();
  }

  play() {
    if (this.timer) return this.stop();
    if (this.at() >= this.terms.count) this.step(0);
    byId("step-play").textContent = "Pause";
    const pace = clamp(20000 / this.terms.count, 90, 900);
    this.timer = setInterval(() => {
      this.step(this.at() + 1, true);
      if (this.at() >= this.terms.count) this.stop();
    }, pace);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    byId("step-play").textContent = "Play";
  }

  /** The grids of one group, the term that was reached, and the sum so far. */
  progress() {
    const { terms, layer, net } = this;
    const before = net.layers[layer.index - 1];
    const group = terms.groups[this.group];
    const start = terms.groups.slice(0, this.group).reduce((sum, it) => sum + it.units.length, 0);
    const at = this.at();
    const marked = this.reached ? clamp(at - start - 1, 0, group.units.length - 1) : null;
    const wide = group.cols > 7;
    byId("grids").classList.toggle("wide", wide);
    const most = Math.max(...terms.groups.flatMap((it) => it.products.map(Math.abs)), 1e-9);
    const pixels = before.kind === "input" ? (value) => inkColor(value, -0.1, 1.175) : null;
    const draw = (id, values, limit, label, color = null) =>
      drawGrid(byId(id), values, group.rows, group.cols, { limit, color, marked, label });
    draw("grid-inputs", group.inputs, SQUASH_LIMIT, "inputs", pixels);
    const heaviest = Math.max(...terms.groups.flatMap((it) => it.weights.map(Math.abs)));
    draw("grid-weights", group.weights, layer.kind === "distance" ? SQUASH_LIMIT : heaviest, "weights");
    draw("grid-products", group.products, most, "products");
    const products = terms.groups.flatMap((it) => it.products);
    const sums = [0];
    for (const product of products) sums.push(sums.at(-1) + product);
    byId("step-count").textContent = `${at} of ${plural(terms.count, "term")}`;
    byId("step-text").textContent = this.reached === null
      ? `${plural(terms.count, "product")} add up to ${format(sums.at(-1))}`.replace(/product/, layer.kind === "distance" ? "square" : "product")
      : this.reached === 0
        ? "Nothing is added yet: step on."
        : this.term(group, marked, sums[at]);
    let ends = 0;
    const breaks = terms.groups.slice(0, -1).map((it) => (ends += it.units.length));
    drawRunning(byId("running"), sums, at, breaks);
    this.formula(sums.at(-1));
  }

  term(group, k, sum) {
    const [x, w, p] = [group.inputs[k], group.weights[k], group.products[k]].map((v) => format(v));
    const product = this.layer.kind === "distance" ? `(${x} − ${w})² = ${p}` : `${x} × ${w} = ${p}`;
    return `${product}   sum so far ${format(sum)}`;
  }

  formula(total) {
    const { terms, layer, unit } = this;
    const host = byId("formula");
    const [bias, sum, out] = [terms.bias, terms.sum, terms.out].map((value) => format(value));
    if (layer.kind === "distance") {
      const part = (100 * this.net.probabilities[unit.map]).toFixed(1);
      host.textContent = `distance² = ${out}\nsoftmax of −distance²: ${part} %`;
      return;
    }
    const given = terms.groups[0].weights[0];
    const added = layer.kind === "subsampling"
      ? `${format(total / (given || 1))} × ${format(given)}`
      : format(total);
    host.textContent = `${added} + bias ${bias} = ${sum}\n1.7159 · tanh(2/3 · ${sum}) = ${out}`;
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
