import { expect, test } from "vitest";
import { said } from "./said";

test("a sentence of the server is told in the other language, with what was put into it", () => {
  expect(said("'tom' is suspended.", "de")).toBe("„tom“ ist gesperrt.");
  expect(said("4 answers are being made for 'ada' already.", "de")).toBe("Für „ada“ werden schon 4 Antworten geschrieben.");
  expect(said("The connector 'a.b' cannot use this: $& is no {} (two\nlines).", "de")).toBe("Das versteht der Konnektor „a.b“ nicht: $& is no {} (two\nlines).");
});

test("what nobody translated stays as it is", () => {
  expect(said("Something else happened.", "de")).toBe("Something else happened.");
  expect(said("'tom' is suspended.", "en")).toBe("'tom' is suspended.");
});
