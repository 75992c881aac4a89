/**
 * Draws the plots as SVG, without a browser.
 *
 * @module
 */
import * as vega from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** A data point: a name and numbers. */
export type Point = Readonly<Record<string, string | number>>;

const LOOK = {
  background: "white",
  padding: 12,
  config: { font: "sans-serif", axis: { labelFontSize: 12, titleFontSize: 12 }, view: { stroke: null } },
};

/** The library's own bars are dark, the floor grey, the others light. */
const COLOR = {
  condition: [
    { test: "indexof(datum.name, 'dashi') >= 0", value: "#1f5f4a" },
    { test: "indexof(datum.name, 'unsigned') >= 0", value: "#8c8c8c" },
  ],
  value: "#b5cfc4",
};

/** Horizontal bars, longest first, each with its number. */
export function bars(points: readonly Point[], field: string, title: string): Promise<string> {
  const y = { field: "name", type: "nominal", sort: null, title: null, axis: { labelLimit: 260 } };
  const x = { field, type: "quantitative", title, axis: { format: ",d", tickCount: 6 } };
  return draw({
    width: 460,
    height: { step: 26 },
    data: { values: [...points].sort((a, b) => Number(b[field]) - Number(a[field])) },
    layer: [
      { mark: "bar", encoding: { y, x, color: COLOR } },
      {
        mark: { type: "text", align: "left", dx: 4 },
        encoding: { y, x, text: { field, type: "quantitative", format: ",.3~r" } },
      },
    ],
  });
}

/** Lines over a logarithmic or linear axis, one a name. */
export function lines(
  points: readonly Point[],
  across: { readonly field: string; readonly title: string; readonly log?: boolean },
  up: { readonly field: string; readonly title: string },
): Promise<string> {
  return draw({
    width: 460,
    height: 260,
    data: { values: [...points] },
    mark: { type: "line", point: true },
    encoding: {
      x: {
        field: across.field,
        type: "quantitative",
        title: across.title,
        scale: across.log ? { type: "log", base: 2 } : {},
      },
      y: { field: up.field, type: "quantitative", title: up.title, scale: { zero: true } },
      color: { field: "name", type: "nominal", title: null },
    },
  });
}

async function draw(spec: object): Promise<string> {
  const { spec: compiled } = compile({ ...LOOK, ...spec } as TopLevelSpec);
  const view = new vega.View(vega.parse(compiled), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}
