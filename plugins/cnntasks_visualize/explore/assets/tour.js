// A walk through the network in ten steps, each at the unit of a layer that says most.

const TOUR = [
  ["input", "A picture is a table of numbers: 32 × 32 of them here, −0.1 for the ground and about 1.2 for ink. That is all the network gets. Nobody tells it what a line or a loop is."],
  ["c1", "Convolution. This unit looks at the 5 × 5 pixels in the green frame, multiplies each with a weight, and adds up the 25 products and a bias. Press Play in the panel to watch the sum grow, term by term."],
  ["c1", "All units of a map use the same 25 weights, each at its own place: press Slide. So a map shows where in the picture one feature is, and six maps need only 156 weights for 4,704 units."],
  ["s2", "Subsampling. Four neighbours become one number, so that the map has half the rows and columns. A digit that lies a pixel further to the left gives nearly the same numbers from here on."],
  ["c3", "Features of features. A unit of C3 reads a 5 × 5 window in several maps of S2, but sees 14 × 14 pixels through them: the dashed frames in C1 and the frame in the input show its receptive field."],
  ["s4", "Subsampling again: 5 × 5 places are left of each map, and a unit sees 16 × 16 pixels, a quarter of the picture."],
  ["c5", "The windows of C5 are as large as the maps of S4, so there is one place left. Each of these 120 numbers has seen the whole picture: where things are is now told by which unit is on."],
  ["f6", "Full connection: 84 sums of 120 products. They were trained to look like a drawn digit of 7 × 12 dots; look at it from a little further away."],
  ["output", "Each class has a code, a drawing of its digit. The answer is the one from which F6 differs least: the smallest sum of squared differences wins."],
  ["output", "Now draw a digit of your own, and watch the maps while you do. Which strokes change the answer? Where does a 3 become an 8, or a 1 a 7? What does the network say to a letter?"],
];

class Tour {
  /** @param visit(layer) holds the strongest unit of that layer and brings it into view. */
  constructor(visit) {
    this.visit = visit;
    this.at = 0;
    byId("tour-start").addEventListener("click", () => this.go(0));
    byId("tour-back").addEventListener("click", () => this.go(this.at - 1));
    byId("tour-next").addEventListener("click", () => this.go(this.at + 1));
    byId("tour-end").addEventListener("click", () => this.end());
  }

  go(step) {
    if (step >= TOUR.length) return this.end();
    this.at = Math.max(step, 0);
    const [layer, text] = TOUR[this.at];
    byId("tour").hidden = false;
    byId("tour-text").textContent = text;
    byId("tour-count").textContent = `${this.at + 1} of ${TOUR.length}`;
    byId("tour-back").disabled = this.at === 0;
    byId("tour-next").textContent = this.at === TOUR.length - 1 ? "Done" : "Next";
    this.visit(layer);
    byId("tour-next").focus({ preventScroll: true });
  }

  end() {
    byId("tour").hidden = true;
    byId("tour-start").focus({ preventScroll: true });
  }
}
