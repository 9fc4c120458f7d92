import { expect, it } from "vitest";
import { differences } from "../src/viewer/mixup";

const film = (sex: string, born: string): Parameters<typeof differences>[0] => ({
  "00100040": { Value: [sex] },
  "00100030": { Value: [born] },
});

it("a film of the other sex or another birth date is noticed", () => {
  expect(differences(film("M", "19610409"), { sex: "female", born: "1961-04-09" })).toEqual(["sex"]);
  expect(differences(film("F", "19610410"), { sex: "female", born: "1961-04-09" })).toEqual(["birth date"]);
});

it("what one side does not say is no difference", () => {
  expect(differences(film("", ""), { sex: "female", born: "1961-04-09" })).toEqual([]);
  expect(differences(film("M", "19610409"), { sex: "unknown", born: "" })).toEqual([]);
  expect(differences(film("O", "19610409"), { sex: "male", born: "1961-04-09" })).toEqual([]);
});
