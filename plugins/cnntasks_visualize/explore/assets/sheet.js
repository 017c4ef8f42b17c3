// The maps of one layer on one sheet, with frames around the units that are connected.

class Sheet {
  constructor(recording, layer, host) {
    Object.assign(this, { recording, layer, host, painted: false, all: false });
    this.canvas = element("canvas", { "aria-hidden": "true" });
    this.frames = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.frames.setAttribute("aria-hidden", "true");
    this.maps = element("div", {
      class: "sheet", tabindex: "0", role: "application",
      "aria-label": `${layer.name}: ${describeLayer(layer)}, ${sizeOf(layer)}. Arrow keys move from unit to unit.`,
    }, this.canvas, this.frames);
    const what = element("div", { class: "what" },
      element("h3", {}, layer.name),
      element("p", {}, describeLayer(layer)),
      element("p", { class: "quiet" }, sizeOf(layer)),
      element("p", { class: "quiet" }, this.seen()),
    );
    this.more = element("button", { type: "button", class: "reveal" });
    this.more.addEventListener("click", () => this.reveal(!this.all));
    const body = element("div", { class: "body" }, this.maps, this.more);
    this.section = element("section", { class: "layer", "data-layer": layer.index }, what, body);
    host.append(this.section);
    this.arrange();
  }

  /** Show all maps that there are, or the strongest alone. */
  reveal(all) {
    this.all = all;
    this.arrange();
    this.paint();
    this.mark(...this.marked);
  }

  seen() {
    const { field } = this.layer;
    const weights = this.layer.parameters ? `${plural(this.layer.parameters, "weight")}; ` : "";
    if (!field) return weights.replace("; ", "");
    const [height, width] = [this.recording.height, this.recording.width];
    const all = field[0] >= 2 * height - 1 && field[1] >= 2 * width - 1;
    return `${weights}sees ${all ? "everything" : `${field[0]} × ${field[1]} pixels`}`;
  }

  /** So many maps in a row, with a pixel between them; a layer of numbers is one block of cells. */
  arrange() {
    const { layer } = this;
    const count = layer.channels.length;
    const narrow = this.host.clientWidth < 480;
    const numbers = layer.area === 1;
    const wish = numbers ? (narrow ? 32 : 64) : narrow ? 4 : layer.cols > 20 ? 8 : 12;
    this.across = Math.min(count, wish);
    const first = numbers ? count : 2 * this.across;
    this.shown = this.all ? count : Math.min(count, first);
    this.more.hidden = count <= first;
    this.more.textContent = this.all ? `the ${first} strongest only` : `all ${count}`;
    this.down = Math.ceil(this.shown / this.across);
    this.gap = numbers ? 0 : layer.cols > 40 ? 3 : layer.cols > 16 ? 2 : 1;
    this.width = this.across * (layer.cols + this.gap) - this.gap;
    this.height = this.down * (layer.rows + this.gap) - this.gap;
    const cell = numbers ? 14 : 100 / layer.cols;
    this.canvas.style.imageRendering = layer.cols > 40 ? "auto" : "pixelated";
    this.canvas.style.aspectRatio = `${this.width} / ${this.height}`;
    this.maps.style.maxWidth = `${Math.round(this.across * layer.cols * cell)}px`;
    this.frames.setAttribute("viewBox", `0 0 ${this.width} ${this.height}`);
    this.frames.setAttribute("preserveAspectRatio", "none");
  }

  paint() {
    const { layer, recording } = this;
    const { canvas } = this;
    canvas.width = this.width;
    canvas.height = this.height;
    const context = canvas.getContext("2d");
    const image = context.createImageData(this.width, this.height);
    for (let map = 0; map < this.shown; map++) {
      const [x, y] = this.corner(map);
      for (let at = 0; at < layer.area; at++) {
        const color = signedColor(recording.value(layer, map, at), layer.limit);
        const place = 4 * ((y + Math.floor(at / layer.cols)) * this.width + x + (at % layer.cols));
        image.data.set(color, place);
        image.data[place + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    this.painted = true;
  }

  corner(map) {
    const { layer } = this;
    return [
      (map % this.across) * (layer.cols + this.gap),
      Math.floor(map / this.across) * (layer.rows + this.gap),
    ];
  }

  unitUnder(event) {
    const { layer } = this;
    const box = this.canvas.getBoundingClientRect();
    const x = clamp(((event.clientX - box.left) / box.width) * this.width, 0, this.width - 0.01);
    const y = clamp(((event.clientY - box.top) / box.height) * this.height, 0, this.height - 0.01);
    const [across, down] = [Math.floor(x / (layer.cols + this.gap)), Math.floor(y / (layer.rows + this.gap))];
    const map = down * this.across + across;
    if (map >= this.shown) return null;
    return {
      layer: layer.index, map,
      row: Math.min(Math.floor(y - down * (layer.rows + this.gap)), layer.rows - 1),
      col: Math.min(Math.floor(x - across * (layer.cols + this.gap)), layer.cols - 1),
    };
  }

  /** Frame a window in one map, or in all of them. */
  mark(window, kind, map = null) {
    this.marked = [window, kind, map];
    if (map !== null && map >= this.shown) return this.reveal(true);
    const shapes = [];
    if (window) {
      const maps = map === null ? Array.from({ length: this.shown }, (_, each) => each) : [map];
      const [height, width] = [window.bottom - window.top + 1, window.right - window.left + 1];
      for (const each of maps) {
        const [x, y] = this.corner(each);
        shapes.push(`M${x + window.left} ${y + window.top}h${width}v${height}h${-width}z`);
      }
    }
    this.frames.innerHTML = shapes.length ? `<path class="${kind}" d="${shapes.join("")}"/>` : "";
    this.section.classList.toggle("here", kind === "self");
  }
}
