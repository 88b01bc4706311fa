// Colours of courses and of the calendar: told apart without red and green, and by dash as well.

export function css(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export const DASHES: number[][] = [[], [8, 4], [2, 3], [12, 4, 2, 4], [5, 5], [1, 4]];
export const COURSES = 6;

/** The n-th course's colour. */
export function stroke(n: number): string {
  return css(`--course-${(n % COURSES) + 1}`);
}

const CIVIDIS: [number, number, number][] = [[0, 34, 78], [53, 69, 108], [102, 105, 112], [148, 142, 119], [200, 184, 102], [254, 232, 56]];

/** A colour between 0 and 1 of the cividis map (Nuñez, Anderton, Renslow 2018), readable with any colour vision. */
export function cividis(share: number): string {
  const x = Math.min(1, Math.max(0, share)) * (CIVIDIS.length - 1);
  const i = Math.min(CIVIDIS.length - 2, Math.floor(x));
  const mixed = CIVIDIS[i]!.map((low, k) => Math.round(low + (CIVIDIS[i + 1]![k]! - low) * (x - i)));
  return `rgb(${mixed.join(",")})`;
}

/** A pattern of slanted lines. */
export function hatch(context: CanvasRenderingContext2D, colour: string, step = 8): CanvasPattern | string {
  const tile = document.createElement("canvas");
  tile.width = tile.height = step;
  const ink = tile.getContext("2d")!;
  ink.strokeStyle = colour;
  ink.lineWidth = 1.2;
  ink.beginPath();
  for (const shift of [-step, 0, step]) { ink.moveTo(shift, step); ink.lineTo(shift + step, 0); }
  ink.stroke();
  return context.createPattern(tile, "repeat") ?? colour;
}
