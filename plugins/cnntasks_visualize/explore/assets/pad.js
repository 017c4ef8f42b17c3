// The drawing pad: mouse, finger, pen or keyboard.

class Pad {
  /** @param changed is called with the strokes, lists of [x, y] from 0 to 1. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = [];
    this.picture = null; // 32×32 bytes of ink, instead of strokes
    this.given = true; // what is shown was not drawn here: the first stroke replaces it
    this.pen = { x: 0.5, y: 0.3, down: false, shown: false };
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => (this.pointer = null));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => {
      this.pen.shown = canvas.matches(":focus-visible");
      this.paint();
    });
    canvas.addEventListener("blur", () => this.lift());
  }

  show(strokes, picture = null) {
    this.strokes = strokes.map((stroke) => stroke.slice());
    this.picture = picture;
    this.given = true;
    this.pen.down = false;
    this.tell();
  }

  clear() {
    this.show([]);
  }

  undo() {
    if (this.given) return this.clear();
    this.strokes.pop();
    this.pen.down = false;
    this.tell();
  }

  begin(point) {
    if (this.given) {
      this.strokes = [];
      this.picture = null;
      this.given = false;
    }
    this.strokes.push([point]);
    this.tell();
  }

  extend(point) {
    const stroke = this.strokes.at(-1);
    const [x, y] = stroke.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) < 0.004) return;
    stroke.push(point);
    this.tell();
  }

  where(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      clamp((event.clientX - box.left) / box.width, 0, 1),
      clamp((event.clientY - box.top) / box.height, 0, 1),
    ];
  }

  press(event) {
    if (event.button !== 0 || this.pointer != null) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.pen.shown = this.pen.down = false;
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.begin(this.where(event));
  }

  drag(event) {
    if (event.pointerId !== this.pointer) return;
    const passed = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
    for (const each of passed.length ? passed : [event]) this.extend(this.where(each));
  }

  lift() {
    this.pen.shown = this.pen.down = false;
    this.paint();
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (step) {
      const size = event.shiftKey ? 0.1 : 0.04;
      this.pen.x = clamp(this.pen.x + step[0] * size, 0.02, 0.98);
      this.pen.y = clamp(this.pen.y + step[1] * size, 0.02, 0.98);
      this.pen.shown = true;
      if (this.pen.down) this.extend([this.pen.x, this.pen.y]);
      else this.paint();
    } else if (event.key === " " || event.key === "Enter") {
      this.pen.shown = true;
      this.pen.down = !this.pen.down;
      if (this.pen.down) this.begin([this.pen.x, this.pen.y]);
      else this.tell();
    } else if (event.key === "Backspace") {
      this.undo();
    } else if (event.key === "Delete") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  tell() {
    this.paint();
    this.changed(this.strokes, this.picture);
  }

  paint() {
    const { canvas } = this;
    const side = canvas.width;
    const context = canvas.getContext("2d");
    context.fillStyle = css(colors.ground);
    context.fillRect(0, 0, side, side);
    if (this.picture) this.paintPicture(context, side);
    context.strokeStyle = css(colors.ink);
    context.lineWidth = 0.075 * side;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(stroke[0][0] * side, stroke[0][1] * side);
      for (const [x, y] of stroke) context.lineTo(x * side + 0.01, y * side);
      context.stroke();
    }
    byId("pad-hint").hidden = this.strokes.length > 0 || this.picture !== null;
    byId("pen").textContent = this.pen.shown ? `pen ${this.pen.down ? "down" : "up"}` : "";
    if (!this.pen.shown) return;
    context.beginPath();
    context.arc(this.pen.x * side, this.pen.y * side, 0.04 * side, 0, 7);
    context.lineWidth = 4;
    context.strokeStyle = css(this.pen.down ? colors.feeds : colors.reads);
    context.stroke();
  }

  paintPicture(context, side) {
    const cell = side / 32;
    this.picture.forEach((value, at) => {
      context.fillStyle = css(inkColor(value, 0, 255));
      const [x, y] = [(at % 32) * cell, Math.floor(at / 32) * cell];
      context.fillRect(x, y, cell + 0.5, cell + 0.5);
    });
  }
}
