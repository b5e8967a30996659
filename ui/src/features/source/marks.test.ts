import { expect, test } from "vitest";
import { placesOf, type Run } from "./marks";

const run = (str: string, x: number, y: number): Run => ({ str, transform: [10, 0, 0, 10, x, y], width: 10 * str.length, height: 10 });

test("a quote is found across lines, and only its own part of each", () => {
  const places = placesOf([run("Old. New and", 0, 100), run(" ", 120, 100), run("improved. More", 0, 88)], "New  and\nimproved.");
  expect(places).toHaveLength(2);
  const [first, second] = places;
  expect(first?.x0).toBeCloseTo(40 * (12 / 10), 0);
  expect(first?.x1).toBeCloseTo(120);
  expect(second?.x0).toBe(0);
  expect(second?.x1).toBeCloseTo(140 * (9 / 13));
  expect(second?.y0).toBeLessThan(88);
  expect(second?.y1).toBeGreaterThan(96);
});

test("what stands there twice, or not, or hardly says anything is not marked", () => {
  expect(placesOf([run("Yes sir. Yes sir.", 0, 0)], "Yes sir.")).toEqual([]);
  expect(placesOf([run("Part 45 Nm", 0, 0)], "Part: 45 Nm")).toEqual([]);
  expect(placesOf([run("Yes", 0, 0)], "Yes")).toEqual([]);
  expect(placesOf([{ ...run("Upwards it goes", 0, 0), transform: [0, 10, -10, 0, 0, 0] }], "Upwards it")).toEqual([]);
});
