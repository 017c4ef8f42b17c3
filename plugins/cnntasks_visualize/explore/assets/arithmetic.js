// A sum that can be stepped through, term by term, with all its numbers.

/**
 * The part of the panel that tells how a unit's number comes about.
 *
 * `show(terms, words)` takes terms as of `termsOf`, and in words:
 *   inputs, weights, products: what the tables are; sign: between the first two;
 *   term: "product" or "square"; name(group): of one group;
 *   formula(total): lines of text for what comes after the sum;
 *   inputColor(value): for inputs that are pixels; inputLimit: for others; weightLimit: other
 *   than the largest weight; widest: columns of tables that stand side by side.
 */
class Arithmetic {
  constructor() {
    Object.assign(this, { group: 0, reached: null, timer: null, terms: null });
    const press = (id, action) => byId(id).addEventListener("click", action);
    press("step-first", () => this.step(0));
    press("step-back", () => this.step(this.at() - 1));
    press("step-next", () => this.step(this.at() + 1));
    press("step-last", () => this.step(null));
    press("step-play", () => this.play());
  }

  /** @param fresh another unit than before: begin with its whole sum. */
  show(terms, words, fresh) {
    this.terms = terms;
    this.words = words;
    if (fresh) {
      this.group = Math.min(this.group, Math.max(terms.groups.length - 1, 0));
      this.reached = null;
      this.stop();
    }
    byId("sum-part").hidden = terms.count === 0;
    if (terms.count) this.draw();
  }

  draw() {
    const { words } = this;
    byId("first-sign").textContent = words.sign;
    byId("inputs-label").textContent = words.inputs;
    byId("weights-label").textContent = words.weights;
    byId("products-label").textContent = words.products;
    this.choices();
    this.progress();
  }

  /** A button for each group, with what it adds. */
  choices() {
    const { terms, words } = this;
    const host = byId("groups");
    host.hidden = terms.groups.length === 1;
    if (host.hidden) return;
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
      button.replaceChildren(element("small", {}, words.name(group)), format(group.sum, 2));
      button.style.background = css(color);
      button.style.color = readable(color);
      button.setAttribute("aria-pressed", String(k === this.group));
      button.setAttribute("aria-label", `${words.name(group)} adds ${format(group.sum)}`);
    });
  }

  choose(group) {
    this.group = group;
    if (this.reached !== null) this.reached = this.start() + 1;
    this.draw();
  }

  /** The number of terms before the group that is shown. */
  start() {
    return this.terms.groups.slice(0, this.group).reduce((sum, it) => sum + it.inputs.length, 0);
  }

  at() {
    return this.reached === null ? this.terms.count : this.reached;
  }

  /** Go to where so many terms have been added; null is the whole sum. */
  step(reached, playing = false) {
    if (!this.terms || !this.terms.count) return;
    if (!playing) this.stop();
    this.reached = reached === null ? null : clamp(reached, 0, this.terms.count);
    if (this.reached) {
      let left = this.reached - 1;
      this.group = this.terms.groups.findIndex((group) => (left -= group.inputs.length) < 0);
    } else if (this.reached === 0) {
      this.group = 0;
    }
    this.draw();
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

  /** The tables of one group, the term that was reached, and the sum so far. */
  progress() {
    const { terms, words } = this;
    const group = terms.groups[this.group];
    const at = this.at();
    const marked = this.reached ? clamp(at - this.start() - 1, 0, group.inputs.length - 1) : null;
    byId("grids").classList.toggle("wide", group.cols > (words.widest || 7));
    const largest = (key) => Math.max(...terms.groups.flatMap((it) => Array.from(it[key], Math.abs)), 1e-9);
    const draw = (id, values, limit, label, color = null) =>
      drawGrid(byId(id), values, group.rows, group.cols, { limit, color, marked, label });
    draw("grid-inputs", group.inputs, words.inputLimit, words.inputs, words.inputColor);
    draw("grid-weights", group.weights, words.weightLimit || largest("weights"), words.weights);
    draw("grid-products", group.products, largest("products"), words.products);
    const sums = [0];
    for (const { products } of terms.groups) {
      for (const product of products) sums.push(sums.at(-1) + product);
    }
    byId("step-count").textContent = `${at} of ${plural(terms.count, "term")}`;
    byId("step-text").textContent = this.told(group, marked, sums[at]);
    let ends = 0;
    const breaks = terms.groups.slice(0, -1).map((it) => (ends += it.inputs.length));
    drawRunning(byId("running"), sums, at, breaks);
    byId("formula").textContent = words.formula(sums.at(-1));
  }

  told(group, k, sum) {
    const { terms, words } = this;
    if (this.reached === null) return `${plural(terms.count, words.term)} add up to ${format(sum)}`;
    if (this.reached === 0) return "Nothing is added yet: step on.";
    const [x, w, p] = [group.inputs[k], group.weights[k], group.products[k]].map((v) => format(v));
    const product = words.term === "square" ? `(${x} − ${w})² = ${p}` : `${x} × ${w} = ${p}`;
    return `${product}   sum so far ${format(sum)}`;
  }
}
