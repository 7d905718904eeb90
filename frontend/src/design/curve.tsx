/** Lines over time, drawn as SVG: sharp at any size, coloured by the style sheet, and a few hundred bytes. */

export type Point = readonly [at: number, value: number];

export interface Frame {
  readonly from: number;
  readonly to: number;
  readonly top: number;
}

export interface Line {
  /** Names the line to the style sheet. */
  readonly name: string;
  readonly points: readonly Point[];
  readonly filled: boolean;
}

const WIDTH = 300;
const HEIGHT = 100;
/** Seconds without a sample that leave a hole in the line instead of a straight bridge. */
const HOLE = 20;

interface CurveProperties extends Frame {
  readonly lines: readonly Line[];
  readonly label: string;
}

export function Curve({ lines, label, ...frame }: CurveProperties) {
  const pieces = lines.map(({ name, filled, points }) => ({
    name,
    filled,
    parts: split(points.filter(([at]) => at >= frame.from && at <= frame.to)),
  }));
  return (
    <svg
      class="curve"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="grid" d={`M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
      {pieces.map(({ name, filled, parts }) => (
        <g key={`${name} area`} class={name}>
          {filled && <path class="area" d={parts.map((piece) => area(piece, frame)).join("")} />}
        </g>
      ))}
      {/* No line is hidden behind another's area. */}
      {pieces.map(({ name, parts }) => (
        <g key={name} class={name}>
          <path class="line" d={parts.map((piece) => stroke(piece, frame)).join("")} />
        </g>
      ))}
    </svg>
  );
}

const STEPS = [1, 1.5, 2, 3, 4, 5, 6, 8];

/** The next round number that leaves a little air above the highest value. */
export function niceTop(highest: number): number {
  if (!(highest > 0) || !Number.isFinite(highest)) return 1;
  const wanted = highest * 1.05;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return (STEPS.find((step) => step * power >= wanted) ?? 10) * power;
}

/** Cuts a line where nobody measured. */
export function split(points: readonly Point[]): readonly (readonly Point[])[] {
  const pieces: Point[][] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const point of points) {
    if (point[0] - before > HOLE) pieces.push([]);
    pieces.at(-1)?.push(point);
    before = point[0];
  }
  return pieces;
}

export function stroke(piece: readonly Point[], frame: Frame): string {
  return piece.map((point, place) => `${place === 0 ? "M" : "L"}${spot(point, frame)}`).join("");
}

function area(piece: readonly Point[], frame: Frame): string {
  const [first, last] = [piece[0], piece.at(-1)];
  if (first === undefined || last === undefined) return "";
  return `${stroke(piece, frame)}L${spot([last[0], 0], frame)}L${spot([first[0], 0], frame)}Z`;
}

function spot([at, value]: Point, { from, to, top }: Frame): string {
  const x = ((at - from) / (to - from)) * WIDTH;
  const y = HEIGHT - Math.min(1, Math.max(0, value / top)) * HEIGHT;
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
