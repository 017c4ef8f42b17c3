// What of the recorded page never changes: the picture, the classes, why, and the list of layers.

/** @param show(layer, map) is called for a map that a feature was pooled from. */
function furnish(recording, show) {
  const { payload, height, width } = recording;
  const { model, source } = payload;
  byId("model-name").textContent = `Inside ${model.name}`;
  byId("model-line").textContent =
    `What every layer made of ${source}. Point at any unit to see what it can see of the picture.`;
  paintPixels(byId("picture"), height, width, (at) => recording.pixel(Math.floor(at / width), at % width));
  byId("picture").setAttribute("aria-label", `${source}, as the network sees it`);
  byId("picture-line").textContent = `${source}, cut and scaled to ${height} × ${width} pixels`;
  const best = Math.max(...payload.classes.map((row) => row.score));
  for (const row of payload.classes) {
    const bar = element("i");
    bar.style.width = `${100 * row.score}%`;
    const made = element("div", { role: "listitem", class: row.score === best ? "winner" : "" },
      element("b", { title: row.class }, row.class), element("em", {}, bar),
      element("span", {}, `${(100 * row.score).toFixed(1)} %`));
    byId("classes").append(made);
  }
  payload.layers.forEach((layer, index) => {
    byId("jump-layer").append(element("option", { value: index }, `${index + 1}. ${layer.name}`));
  });
  explain(recording, payload.evidence, show);
  byId("credit").textContent =
    `${model.name}, a ${model.network}, run once by cnntasks; numbers are kept in 8 bits. Nothing leaves ` +
    `this page. Licence of the model: ${model.licence || "unknown"}.`;
}

/** The terms of the last layer: which features add most to the logit of a class. */
function explain(recording, evidence, hold) {
  byId("why").hidden = evidence.length === 0;
  if (!evidence.length) return;
  const pooled = pooledFrom(recording);
  const named = (feature) => {
    const map = pooled ? pooled.channels.indexOf(feature) : -1;
    if (map < 0) return element("b", {}, `feature ${feature}`);
    const button = element("button", { type: "button", class: "link" }, `feature ${feature}`);
    button.addEventListener("click", () => hold(pooled, map));
    return button;
  };
  const choice = byId("why-class");
  evidence.forEach((row, index) => choice.append(element("option", { value: index }, row.class)));
  const show = () => {
    const row = evidence[Number(choice.value)];
    const most = Math.max(...row.features.map((it) => Math.abs(it.product)), 1e-9);
    const line = (name, product, title, drawn = true) => {
      const bar = element("i", { class: product < 0 ? "less" : "more" });
      bar.style.width = `${(100 * Math.abs(product)) / most}%`;
      const chart = drawn ? element("em", {}, bar) : element("u");
      return element("div", { title }, name, chart, element("span", {}, format(product, 2)));
    };
    byId("why-terms").replaceChildren(
      ...row.features.map((it) =>
        line(named(it.feature), it.product, `${format(it.value)} × ${format(it.weight)}`)),
      line(element("b", {}, "all others"), row.rest, "all other features times their weights", false),
      line(element("b", {}, "bias"), row.bias, "added once", false),
    );
    byId("why-sum").textContent = `= logit ${format(row.logit, 2)}`;
  };
  choice.addEventListener("change", show);
  show();
}

/** The last layer of maps, where each feature is the mean of one of its maps; or null. */
function pooledFrom({ layers }) {
  const at = layers.findLastIndex((layer) => layer.area > 1);
  const [last, pool, after] = [layers[at], layers[at + 1], layers[at + 2]];
  const straight = pool && pool.kind === "pooling" && pool.total === last.total;
  return straight && after && after.kind === "linear" && at + 3 === layers.length ? last : null;
}
