// The recorded page: what a classifier made of one picture, layer by layer.

async function startRecorded() {
  const recording = new Recording(PAYLOAD, await inflateBytes(PAYLOAD.blob));
  const { layers } = recording;
  const sheets = layers.map((layer) => new Sheet(recording, layer, byId("sheets")));
  // To begin with, one that sees about a third of the picture: neither a dot nor everything.
  const telling = (layer) => layer.area > 1 && layer.field && layer.field[0] > recording.height / 3;
  let held = recording.strongest(layers.find(telling) || layers[0]);
  const filters = PAYLOAD.first && new Filters(recording, PAYLOAD.first);
  const arithmetic = new Arithmetic();
  let told = null;
  let pointed = null;
  let looking = false;

  const eager = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const sheet = sheets[Number(entry.target.dataset.layer)];
      if (entry.isIntersecting && !sheet.painted) sheet.paint();
    }
  }, { rootMargin: "600px" });

  /** Look once a frame, however fast the mouse is. */
  function lookSoon() {
    if (looking) return;
    looking = true;
    requestAnimationFrame(() => {
      looking = false;
      look();
    });
  }

  function look() {
    const unit = pointed || held;
    const layer = layers[unit.layer];
    const own = { top: unit.row, left: unit.col, bottom: unit.row, right: unit.col };
    const sight = recording.sight(layer, own);
    for (const sheet of sheets) {
      const { index } = sheet.layer;
      if (index === unit.layer) sheet.mark(own, "self", unit.map);
      else if (index < unit.layer) sheet.mark(recording.within(sheet.layer, sight), "reads");
      else sheet.mark(recording.beyond(sheet.layer, sight), "feeds");
    }
    frame(sight);
    tell(unit, layer, sight);
  }

  function frame(sight) {
    const { width, height } = recording;
    const svg = byId("frame");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const cut = sight && cutToPicture(sight);
    svg.innerHTML = cut && cut.bottom >= cut.top && cut.right >= cut.left
      ? `<path class="shade" fill-rule="evenodd" d="M0 0h${width}v${height}h${-width}z` +
        `M${cut.left} ${cut.top}h${cut.right - cut.left + 1}v${cut.bottom - cut.top + 1}h${cut.left - cut.right - 1}z"/>` +
        `<rect class="reads" x="${cut.left}" y="${cut.top}" width="${cut.right - cut.left + 1}" height="${cut.bottom - cut.top + 1}"/>`
      : "";
  }

  function cutToPicture(sight) {
    return {
      top: Math.max(sight.top, 0), left: Math.max(sight.left, 0),
      bottom: Math.min(sight.bottom, recording.height - 1),
      right: Math.min(sight.right, recording.width - 1),
    };
  }

  function tell(unit, layer, sight) {
    const channel = layer.channels[unit.map];
    const at = unit.row * layer.cols + unit.col;
    const place = layer.area > 1 ? `, row ${unit.row}, column ${unit.col}` : "";
    const noun = layer.area > 1 ? "map" : "unit";
    byId("unit-name").replaceChildren(
      element("span", {}, element("small", { class: "quiet" }, layer.name), element("br"), `${noun} ${channel}${place}`),
      element("output", {}, format(recording.value(layer, unit.map, at), 2)),
    );
    byId("unit-about").textContent = `${describeLayer(layer)}; ${sizeOf(layer)}.`;
    const single = layer.area === 1;
    for (const id of ["move-left", "move-up", "move-down", "move-right", "map-title", "map", "map-text"]) {
      byId(id).hidden = single;
    }
    byId("previous-map").textContent = single ? "‹ unit" : "‹ map";
    byId("next-map").textContent = single ? "unit ›" : "map ›";
    byId("layer-back").disabled = unit.layer === 0;
    byId("layer-on").disabled = unit.layer === layers.length - 1;
    byId("jump-layer").value = String(unit.layer);
    patch(sight);
    sum(unit, layer);
    if (!single) map(unit, layer);
  }

  /** Weights, products and sum, where the layer reads the picture itself. */
  function sum(unit, layer) {
    const place = [unit.layer, unit.map, unit.row, unit.col].join();
    if (!filters || unit.layer > 0) arithmetic.show({ groups: [], count: 0 }, {}, true);
    else arithmetic.show(filters.terms(unit), filters.words(unit, layer), place !== told);
    told = place;
  }

  /** The patch of the picture, enlarged; what lies in the padding is hatched by the ground. */
  function patch(sight) {
    const canvas = byId("patch");
    canvas.hidden = !sight;
    if (!sight) {
      byId("sight-text").textContent = "Which pixels it sees cannot be told for this network.";
      return;
    }
    const [rows, cols] = [sight.bottom - sight.top + 1, sight.right - sight.left + 1];
    paintPixels(canvas, rows, cols, (at) => {
      const color = recording.pixel(sight.top + Math.floor(at / cols), sight.left + (at % cols));
      return color || colors.zero;
    });
    const cut = cutToPicture(sight);
    const padded = cut.top !== sight.top || cut.left !== sight.left || cut.bottom !== sight.bottom || cut.right !== sight.right;
    const size = `${rows} × ${cols} pixels`;
    const text = sight.whole
      ? "The whole picture: a number that was pooled over all of it goes in."
      : `${size}: rows ${cut.top}–${cut.bottom}, columns ${cut.left}–${cut.right}${padded ? "; the rest is padding" : ""}.`;
    byId("sight-text").textContent = text;
    canvas.setAttribute("aria-label", `The receptive field, enlarged: ${text}`);
  }

  function map(unit, layer) {
    const canvas = byId("map");
    const side = byId("unit-body").clientWidth;
    const cell = Math.min(side / layer.cols, 200 / layer.rows);
    const context = sharpen(canvas, layer.cols * cell, layer.rows * cell);
    canvas.style.width = `${layer.cols * cell}px`;
    let [low, high] = [Infinity, -Infinity];
    for (let at = 0; at < layer.area; at++) {
      const value = recording.value(layer, unit.map, at);
      [low, high] = [Math.min(low, value), Math.max(high, value)];
      const color = signedColor(value, layer.limit);
      const [x, y] = [(at % layer.cols) * cell, Math.floor(at / layer.cols) * cell];
      context.fillStyle = css(color);
      context.fillRect(x, y, cell + 0.4, cell + 0.4);
      if (cell < 24) continue;
      context.font = `${Math.min(cell * 0.36, 12)}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillStyle = readable(color);
      context.fillText(formatCell(value), x + cell / 2, y + cell / 2);
    }
    context.strokeStyle = css(colors.text);
    context.lineWidth = 2;
    context.strokeRect(unit.col * cell, unit.row * cell, Math.max(cell, 3), Math.max(cell, 3));
    const channel = layer.channels[unit.map];
    byId("map-title").textContent = `Map ${channel}`;
    byId("map-text").textContent = `From ${format(low, 2)} to ${format(high, 2)}; ${unit.map + 1} of ${layer.channels.length} by strength.`;
    canvas.setAttribute("aria-label", `Map ${channel} of ${layer.name}, enlarged`);
  }

  function hold(unit) {
    held = unit;
    pointed = null;
    look();
  }

  function move(rows, cols, maps = 0) {
    const unit = pointed || held;
    const layer = layers[unit.layer];
    const count = layer.channels.length;
    if (layer.area === 1 && !maps) maps = cols + rows * sheets[unit.layer].across;
    hold({
      layer: unit.layer,
      map: (unit.map + maps + count) % count,
      row: clamp(unit.row + rows, 0, layer.rows - 1),
      col: clamp(unit.col + cols, 0, layer.cols - 1),
    });
  }

  function go(index) {
    const found = clamp(index, 0, layers.length - 1);
    hold(recording.strongest(layers[found]));
    sheets[found].section.scrollIntoView({ block: "nearest" });
    sheets[found].maps.focus({ preventScroll: true });
  }

  function wire() {
    const press = (id, action) => byId(id).addEventListener("click", action);
    press("move-left", () => move(0, -1));
    press("move-right", () => move(0, 1));
    press("move-up", () => move(-1, 0));
    press("move-down", () => move(1, 0));
    press("previous-map", () => move(0, 0, -1));
    press("next-map", () => move(0, 0, 1));
    press("strongest", () => {
      const unit = pointed || held;
      const layer = layers[unit.layer];
      hold(recording.strongest(layer, layer.area > 1 ? unit.map : null));
    });
    press("layer-back", () => go((pointed || held).layer - 1));
    press("layer-on", () => go((pointed || held).layer + 1));
    press("fold", () => fold());
    byId("jump-layer").addEventListener("change", (event) => go(Number(event.target.value)));
    byId("map").addEventListener("click", (event) => {
      const box = event.target.getBoundingClientRect();
      const layer = layers[held.layer];
      const row = Math.floor(((event.clientY - box.top) / box.height) * layer.rows);
      const col = Math.floor(((event.clientX - box.left) / box.width) * layer.cols);
      hold({ ...held, row: clamp(row, 0, layer.rows - 1), col: clamp(col, 0, layer.cols - 1) });
    });
    for (const sheet of sheets) {
      eager.observe(sheet.section);
      sheet.maps.addEventListener("pointermove", (event) => {
        if (event.pointerType === "touch") return;
        pointed = sheet.unitUnder(event);
        lookSoon();
      });
      sheet.maps.addEventListener("pointerleave", () => {
        pointed = null;
        lookSoon();
      });
      sheet.maps.addEventListener("click", (event) => {
        const unit = sheet.unitUnder(event);
        if (unit) hold(unit);
        fold(false);
      });
      sheet.maps.addEventListener("focus", () => {
        if (sheet.maps.matches(":focus-visible") && (pointed || held).layer !== sheet.layer.index) {
          hold(recording.strongest(sheet.layer));
        }
      });
    }
    document.addEventListener("keydown", onKey);
    addEventListener("resize", () => {
      for (const sheet of sheets) {
        sheet.arrange();
        if (sheet.painted) sheet.paint();
      }
      look();
    });
  }

  function fold(folded = byId("fold").getAttribute("aria-expanded") === "true") {
    byId("fold").setAttribute("aria-expanded", String(!folded));
    byId("inspector").classList.toggle("folded", folded);
    if (!folded) look(); // what was hidden had no size to be drawn in
  }

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select")) return;
    const inMaps = event.target.closest(".sheet, .inspector");
    const keys = {
      "[": () => move(0, 0, -1), "]": () => move(0, 0, 1),
      ",": () => arithmetic.step(arithmetic.at() - 1),
      ".": () => arithmetic.step(arithmetic.at() >= arithmetic.terms.count ? 1 : arithmetic.at() + 1),
    };
    if (inMaps) {
      Object.assign(keys, {
        ArrowLeft: () => move(0, -1), ArrowRight: () => move(0, 1),
        ArrowUp: () => move(-1, 0), ArrowDown: () => move(1, 0),
        PageUp: () => go((pointed || held).layer - 1),
        PageDown: () => go((pointed || held).layer + 1),
      });
    }
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  }

  furnish(recording, (layer, map) => {
    hold(recording.strongest(layer, map));
    sheets[layer.index].section.scrollIntoView({ block: "nearest" });
    fold(false);
  });
  wire();
  onTheme(() => {
    for (const sheet of sheets) if (sheet.painted) sheet.paint();
    look();
  });
  fold(matchMedia("(max-width: 56rem)").matches);
  look();
  window.explore = {
    recording, filters, hold,
    shown: () => {
      const unit = pointed || held;
      const own = { top: unit.row, left: unit.col, bottom: unit.row, right: unit.col };
      return { unit, field: recording.sight(layers[unit.layer], own) };
    },
  };
}

if (PAYLOAD.mode === "recorded") {
  startRecorded().catch((error) => {
    byId("model-line").textContent =
      `This page needs a browser of 2023 or later (it can decompress by itself): ${error.message}`;
  });
}
