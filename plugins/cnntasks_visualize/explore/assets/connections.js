// What goes into a unit, number by number, and where its output goes.

/** The place of the weight between a unit and one that it feeds, in the latter's layer. */
function weightPlace(net, source, target) {
  const layer = net.layers[target.layer];
  if (layer.kind === "subsampling") return target.map;
  if (layer.kind !== "convolution") return target.map * net.layers[source.layer].maps + source.map;
  const seen = layer.starts[target.map] + layer.sees[target.map].indexOf(source.map);
  return 25 * seen + 5 * (source.row - target.row) + (source.col - target.col);
}

/**
 * Everything that a unit adds up: groups of terms, one group for each map that it sees.
 *
 * A group is {map, rows, cols, units, inputs, weights, products, sum}. A product is input times
 * weight; in the output layer it is the squared difference of both.
 */
function termsOf(net, unit) {
  const layer = net.layers[unit.layer];
  if (layer.kind === "input") return { groups: [], count: 0 };
  const before = net.layers[layer.index - 1];
  const spatial = before.rows > 1;
  const window = net.windowBefore(layer, {
    top: unit.row, left: unit.col, bottom: unit.row, right: unit.col,
  });
  const groups = [];
  if (spatial) {
    for (const map of net.mapsBefore(layer, unit.map)) {
      const units = [];
      for (let row = window.top; row <= window.bottom; row++) {
        for (let col = window.left; col <= window.right; col++) {
          units.push({ layer: before.index, map, row, col });
        }
      }
      groups.push({ map, units, cols: window.right - window.left + 1 });
    }
  } else {
    const units = Array.from({ length: before.maps }, (_, map) => ({
      layer: before.index, map, row: 0, col: 0,
    }));
    groups.push({ map: null, units, cols: COLUMNS[before.id] });
  }
  for (const group of groups) {
    group.rows = group.units.length / group.cols;
    group.inputs = group.units.map((source) => net.value(source));
    group.weights = group.units.map((source) => layer.weight[weightPlace(net, source, unit)]);
    group.products = group.inputs.map((x, k) =>
      layer.kind === "distance" ? (x - group.weights[k]) ** 2 : x * group.weights[k],
    );
    group.sum = group.products.reduce((sum, product) => sum + product, 0);
  }
  return {
    groups,
    count: groups.reduce((sum, group) => sum + group.units.length, 0),
    bias: layer.bias ? layer.bias[unit.map] : 0,
    sum: layer.sum[net.at(unit)],
    out: layer.out[net.at(unit)],
  };
}

/** How the layers of numbers are laid out as pictures: columns. F6 is a picture of 7×12. */
const COLUMNS = { c5: 15, f6: 7, output: 10 };

/** The units of the next layer that a unit feeds, each {unit, weight, product}. */
function targetsOf(net, unit) {
  const layer = net.layers[unit.layer + 1];
  if (!layer) return [];
  const value = net.value(unit);
  const places = (at, size, reach) => {
    const first = Math.max(at - reach, 0);
    return Array.from({ length: Math.min(at, size - 1) - first + 1 }, (_, i) => first + i);
  };
  const found = [];
  for (let map = 0; map < layer.maps; map++) {
    if (!net.mapsBefore(layer, map).includes(unit.map)) continue;
    let [rows, cols] = [[0], [0]];
    if (layer.kind === "subsampling") {
      [rows, cols] = [[unit.row >> 1], [unit.col >> 1]];
    } else if (layer.kind === "convolution") {
      [rows, cols] = [places(unit.row, layer.rows, 4), places(unit.col, layer.cols, 4)];
    }
    for (const row of rows) {
      for (const col of cols) {
        const target = { layer: layer.index, map, row, col };
        const weight = layer.weight[weightPlace(net, unit, target)];
        const product = layer.kind === "distance" ? (value - weight) ** 2 : value * weight;
        found.push({ unit: target, weight, product });
      }
    }
  }
  return found;
}

/** The unit before that adds most, or takes most away; in the output layer the most distant. */
function strongestInput(net, unit) {
  let best = null;
  for (const group of termsOf(net, unit).groups) {
    group.products.forEach((product, k) => {
      if (!best || Math.abs(product) > best.size) best = { size: Math.abs(product), unit: group.units[k] };
    });
  }
  return best && best.unit;
}

/** The unit fed by this one to which it adds most; of the output layer the class that won. */
function strongestTarget(net, unit) {
  const layer = net.layers[unit.layer + 1];
  if (!layer) return null;
  if (layer.kind === "distance") return strongestUnit(net, layer);
  const sorted = targetsOf(net, unit).sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  return sorted.length ? sorted[0].unit : null;
}

/** The unit of a layer that says most: the largest, or the nearest class. */
function strongestUnit(net, layer) {
  let best = 0;
  const sign = layer.kind === "distance" ? -1 : 1;
  layer.out.forEach((value, at) => {
    if (sign * value > sign * layer.out[best]) best = at;
  });
  return net.unitAt(layer, best);
}
