// Lines from what a unit reads to the unit, and on to the units that it feeds.

class Links {
  constructor(svg, net, views) {
    Object.assign(this, { svg, net, views });
  }

  /** @param terms of `termsOf(net, unit)`. */
  show(unit, terms) {
    this.parts = [];
    this.origin = this.svg.getBoundingClientRect();
    const { net, views } = this;
    const own = { top: unit.row, left: unit.col, bottom: unit.row, right: unit.col };
    const here = views[unit.layer].box(unit.map, own);
    this.reads(unit, terms, here);
    this.cone(unit, own);
    this.feeds(unit, here);
    this.rect(here, "self");
    this.svg.innerHTML = this.parts.join("");
    for (const view of views) view.host.classList.toggle("here", view.layer.index === unit.layer);
  }

  /** The windows read in the layer before; thick where much comes from. */
  reads(unit, terms, here) {
    if (!terms.groups.length) return;
    const view = this.views[unit.layer - 1];
    const flat = terms.groups.length === 1 && terms.groups[0].map === null;
    const ends = flat
      ? terms.groups[0].units.map((source, k) => [source.map, source, terms.groups[0].products[k]])
      : terms.groups.map((group) => [group.map, group.units, group.sum]);
    const most = Math.max(...ends.map(([, , sum]) => Math.abs(sum)), 1e-9);
    for (const [map, units, sum] of ends) {
      const box = flat ? view.box(map) : view.box(map, hull(units));
      if (!flat) this.rect(box, "reads");
      const part = Math.abs(sum) / most;
      if (flat && part < 0.12) continue;
      this.line(box, here, sum < 0 ? "less" : "more", 0.6 + 2.6 * part, 0.25 + 0.65 * part);
    }
  }

  /** All that it depends on further back, down to the pixels. */
  cone(unit, window) {
    let maps = [unit.map];
    for (let at = unit.layer; at > 0; at--) {
      const layer = this.net.layers[at];
      const seen = new Set(maps.flatMap((map) => this.net.mapsBefore(layer, map)));
      window = this.net.windowBefore(layer, window);
      if (layer.kind === "distance" || layer.kind === "full") window = { top: 0, left: 0, bottom: 0, right: 0 };
      maps = [...seen];
      const before = this.net.layers[at - 1];
      if (before.rows === 1) continue;
      for (const map of maps) {
        const kind = at - 1 === 0 ? "field" : "before";
        if (at === unit.layer && kind === "before") continue;
        this.rect(this.views[at - 1].box(map, window), kind);
      }
    }
  }

  /** The windows fed in the next layer. */
  feeds(unit, here) {
    const targets = targetsOf(this.net, unit);
    if (!targets.length) return;
    const view = this.views[unit.layer + 1];
    const byMap = new Map();
    for (const target of targets) {
      if (!byMap.has(target.unit.map)) byMap.set(target.unit.map, []);
      byMap.get(target.unit.map).push(target);
    }
    const total = (list) => list.reduce((sum, it) => sum + Math.abs(it.product), 0);
    const most = Math.max(...[...byMap.values()].map(total), 1e-9);
    for (const [map, list] of byMap) {
      const box = view.box(map, hull(list.map((it) => it.unit)));
      const part = total(list) / most;
      if (byMap.size <= 16) this.rect(box, "feeds");
      if (byMap.size > 16 && part < 0.12) continue;
      this.line(here, box, "on", 0.6 + 1.6 * part, 0.2 + 0.6 * part);
    }
  }

  rect(box, kind) {
    const [x, y] = [box.left - this.origin.left, box.top - this.origin.top];
    const size = `width="${box.width.toFixed(1)}" height="${box.height.toFixed(1)}"`;
    this.parts.push(`<rect class="${kind}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${size} rx="1.5"/>`);
  }

  line(from, to, kind, width, opacity) {
    const x = (box) => (box.left + box.width / 2 - this.origin.left).toFixed(1);
    const start = from.bottom - this.origin.top;
    const end = to.top - this.origin.top;
    const bend = Math.max((end - start) / 2, 12);
    this.parts.push(
      `<path class="${kind}" d="M${x(from)} ${start.toFixed(1)}C${x(from)} ${(start + bend).toFixed(1)} ` +
        `${x(to)} ${(end - bend).toFixed(1)} ${x(to)} ${end.toFixed(1)}" ` +
        `stroke-width="${width.toFixed(2)}" opacity="${opacity.toFixed(2)}"/>`,
    );
  }
}

/** The smallest window that holds some units. */
function hull(units) {
  const rows = units.map((unit) => unit.row);
  const cols = units.map((unit) => unit.col);
  return {
    top: Math.min(...rows), left: Math.min(...cols),
    bottom: Math.max(...rows), right: Math.max(...cols),
  };
}
