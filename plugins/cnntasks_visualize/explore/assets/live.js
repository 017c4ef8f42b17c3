// The live page: a drawing goes through the network, and every unit can be looked at.

/** Everything of the page; `window.explore` lets a console, or a test, look in. */
function startLive() {
  const { model } = PAYLOAD;
  const net = new LeNet(model);
  const views = buildLayers(net, model.classes, byId("layers"));
  const links = new Links(byId("links"), net, views);
  const inspector = new Inspector(net, model.classes);
  const { arithmetic } = inspector;
  const c3 = net.layer("c3");
  const digits = model.classes.join("") === "0123456789";
  let held = { layer: c3.index, map: 2, row: 4, col: 4 };
  let pointed = null;
  let waiting = false;
  let looking = false;
  let sliding = null;

  function pixelsOf(strokes, picture) {
    return picture || padField(inkToField(strokes), 32, model.fill);
  }

  const pad = new Pad(byId("pad"), (strokes, picture) => {
    net.forward(pixelsOf(strokes, picture));
    soon();
  });

  /** Draw once a frame, however fast the pen is. */
  function soon() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      for (const view of views) view.paint();
      answer();
      look();
    });
  }

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
    const terms = termsOf(net, unit);
    inspector.show(unit, terms);
    links.show(unit, terms);
  }

  function answer() {
    const order = model.classes.map((_, map) => map).sort((a, b) => net.probabilities[b] - net.probabilities[a]);
    const [best, second] = order;
    const empty = pad.strokes.length === 0 && !pad.picture;
    const percent = (map) => `${(100 * net.probabilities[map]).toFixed(1)} %`;
    byId("answer").replaceChildren(
      element("b", {}, empty ? "–" : model.classes[best]),
      empty ? "nothing drawn yet" : [best, second].slice(0, order.length)
        .map((map, rank) => (rank ? `next ${model.classes[map]}, ${percent(map)}` : percent(map))).join("; "),
    );
    [...byId("bars").children].forEach((row, map) => {
      row.querySelector("i").style.width = `${empty ? 0 : 100 * net.probabilities[map]}%`;
      row.querySelector("span").textContent = empty ? "" : percent(map);
      row.classList.toggle("winner", !empty && map === best);
    });
  }

  const tour = new Tour((id) => {
    const { index } = net.layer(id);
    stopSliding();
    hold(strongestUnit(net, net.layers[index]));
    views[index].host.parentElement.scrollIntoView({ block: "nearest" });
  });

  function hold(unit) {
    held = unit;
    pointed = null;
    look();
  }

  /** Move within a map, or to another map, of the unit that is shown. */
  function move(rows, cols, maps = 0) {
    stopSliding();
    const unit = pointed || held;
    const layer = net.layers[unit.layer];
    if (layer.rows === 1 && !maps) {
      const wide = COLUMNS[layer.id] || 1;
      const map = unit.map + rows * wide + cols;
      return hold({ ...unit, map: map >= 0 && map < layer.maps ? map : unit.map });
    }
    hold({
      layer: unit.layer,
      map: (unit.map + maps + layer.maps) % layer.maps,
      row: clamp(unit.row + rows, 0, layer.rows - 1),
      col: clamp(unit.col + cols, 0, layer.cols - 1),
    });
  }

  function go(layers) {
    stopSliding();
    const index = clamp((pointed || held).layer + layers, 0, net.layers.length - 1);
    hold(strongestUnit(net, net.layers[index]));
    views[index].host.focus({ preventScroll: true });
    views[index].host.scrollIntoView({ block: "nearest" });
  }

  /** Let the window slide over the map, unit by unit, as a convolution does. */
  function slide() {
    if (sliding) return stopSliding();
    const unit = pointed || held;
    const layer = net.layers[unit.layer];
    let at = 0;
    byId("slide").textContent = "Stop";
    sliding = setInterval(() => {
      hold({ ...unit, row: Math.floor(at / layer.cols), col: at % layer.cols });
      if (++at >= layer.rows * layer.cols) stopSliding();
    }, clamp(12000 / (layer.rows * layer.cols), 30, 400));
  }

  function stopSliding() {
    clearInterval(sliding);
    sliding = null;
    byId("slide").textContent = "Slide";
  }

  function wire() {
    const press = (id, action) => byId(id).addEventListener("click", action);
    press("clear", () => pad.clear());
    press("undo", () => pad.undo());
    press("move-left", () => move(0, -1));
    press("move-right", () => move(0, 1));
    press("move-up", () => move(-1, 0));
    press("move-down", () => move(1, 0));
    press("previous-map", () => move(0, 0, -1));
    press("next-map", () => move(0, 0, 1));
    press("slide", slide);
    press("follow-back", () => hold(strongestInput(net, pointed || held)));
    press("follow-on", () => hold(strongestTarget(net, pointed || held)));
    for (const view of views) {
      const { host } = view;
      host.addEventListener("pointermove", (event) => {
        if (event.pointerType === "touch" || sliding) return;
        pointed = view.unitUnder(event);
        lookSoon();
      });
      host.addEventListener("pointerleave", () => {
        if (!pointed) return;
        pointed = null;
        lookSoon();
      });
      host.addEventListener("click", (event) => {
        const unit = view.unitUnder(event);
        if (!unit) return;
        stopSliding();
        hold(unit);
        inspector.fold(false);
      });
      host.addEventListener("focus", () => {
        if (host.matches(":focus-visible") && (pointed || held).layer !== view.layer.index) {
          hold(strongestUnit(net, view.layer));
        }
      });
    }
    document.addEventListener("keydown", onKey);
    addEventListener("resize", soon);
    byId("layers").addEventListener("scroll", soon, true);
  }

  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.id === "pad") return;
    const inMaps = event.target.closest && event.target.closest(".maps, .inspector");
    const keys = {
      "[": () => move(0, 0, -1),
      "]": () => move(0, 0, 1),
      ",": () => arithmetic.step(arithmetic.at() - 1),
      ".": () => arithmetic.step(arithmetic.at() >= arithmetic.terms.count ? 1 : arithmetic.at() + 1),
      Escape: () => {
        stopSliding();
        arithmetic.stop();
        if (!byId("tour").hidden) tour.end();
        hold(strongestUnit(net, net.layers.at(-1)));
      },
    };
    if (inMaps) {
      Object.assign(keys, {
        ArrowLeft: () => move(0, -1), ArrowRight: () => move(0, 1),
        ArrowUp: () => move(-1, 0), ArrowDown: () => move(1, 0),
        PageUp: () => go(-1), PageDown: () => go(1),
      });
    }
    if (event.target.matches(".maps")) keys.Enter = () => hold(pointed || held);
    if (digits && /^[0-9]$/.test(event.key)) keys[event.key] = () => pad.show(EXAMPLES[event.key]);
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
  }

  function furnish() {
    byId("draw-title").textContent = digits ? "Draw a digit" : "Draw";
    byId("examples").hidden = byId("examples-label").hidden = !digits;
    EXAMPLES.forEach((strokes, digit) => {
      const button = element("button", { type: "button", "aria-label": `Example: ${digit}` }, String(digit));
      button.addEventListener("click", () => pad.show(strokes));
      byId("examples").append(button);
    });
    for (const name of model.classes) {
      byId("bars").append(element("div", { role: "listitem" },
        element("b", {}, name), element("em", {}, element("i")), element("span")));
    }
    const right = model.accuracy ? `, right for ${(100 * model.accuracy).toFixed(2)} % of its test pictures` : "";
    byId("credit").textContent =
      `${model.name}: LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998)${right}. Everything is computed ` +
      `in this page; nothing leaves it. After A. W. Harley, “An Interactive Node-Link Visualization ` +
      `of Convolutional Neural Networks”, 2015. Model: ${model.licence || "licence unknown"}.`;
  }

  furnish();
  wire();
  inspector.fold(matchMedia("(max-width: 56rem)").matches);
  onTheme(() => {
    pad.paint();
    soon();
  });
  if (PAYLOAD.picture) pad.show([], decodeBytes(PAYLOAD.picture));
  else pad.show(digits ? EXAMPLES[5] : []);
  window.explore = {
    net, pad, hold,
    shown: () => ({ unit: pointed || held, field: net.field(pointed || held) }),
    run: (pixels) => {
      net.forward(Uint8Array.from(pixels));
      const outputs = net.layers.map((layer) => [layer.id, Array.from(layer.out)]);
      return { ...Object.fromEntries(outputs), probabilities: Array.from(net.probabilities) };
    },
    ink: (strokes) => Array.from(padField(inkToField(strokes), 32, model.fill)),
    examples: EXAMPLES,
  };
}

if (PAYLOAD.mode === "live") startLive();
