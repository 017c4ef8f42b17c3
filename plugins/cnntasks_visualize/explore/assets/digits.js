// Ten digits as strokes, to start from; our own handwriting, so to speak.

/** Points along an ellipse, angles in degrees clockwise from the right (y points down). */
function arc(x, y, rx, ry, from, to) {
  const count = Math.max(Math.ceil(Math.abs(to - from) / 12), 2);
  return Array.from({ length: count + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / count) * Math.PI) / 180;
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
}

const EXAMPLES = [
  [arc(0.5, 0.5, 0.2, 0.32, -80, 290)],
  [[[0.42, 0.26], [0.53, 0.18], [0.5, 0.82]]],
  [[...arc(0.49, 0.34, 0.18, 0.16, -165, 35), [0.5, 0.6], [0.3, 0.8], [0.72, 0.79]]],
  [[...arc(0.47, 0.33, 0.17, 0.15, -150, 80), ...arc(0.46, 0.65, 0.21, 0.17, -85, 150)]],
  [
    [[0.4, 0.2], [0.29, 0.53], [0.7, 0.52]],
    [[0.63, 0.24], [0.59, 0.84]],
  ],
  [
    [[0.37, 0.22], [0.34, 0.47], ...arc(0.47, 0.62, 0.19, 0.19, -120, 145)],
    [[0.37, 0.22], [0.69, 0.19]],
  ],
  [[[0.58, 0.17], [0.43, 0.32], ...arc(0.5, 0.65, 0.17, 0.17, 190, -185)]],
  [[[0.29, 0.24], [0.7, 0.22], [0.56, 0.5], [0.46, 0.83]]],
  [[...arc(0.5, 0.34, 0.15, 0.15, -30, -270), ...arc(0.49, 0.66, 0.18, 0.17, -90, 270),
    ...arc(0.5, 0.34, 0.15, 0.15, 90, -30)]],
  [[...arc(0.49, 0.36, 0.17, 0.17, -15, -345), [0.66, 0.4], [0.62, 0.84]]],
];
