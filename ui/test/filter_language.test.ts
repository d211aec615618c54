import { expect, test } from "vitest";

import { complete, conjoin, reference } from "../src/pure/filter_language";

const KEYS = {
  metrics: [{ key: "val/loss", runs: 9 }, { key: "loss", runs: 9 }],
  params: [{ key: "lr", runs: 9 }, { key: "learning rate", runs: 1 }],
  tags: [{ key: "team", runs: 2 }, { key: "mlflow.user", runs: 9 }],
};
const labels = (text: string) => complete(text, text.length, KEYS).options.map((option) => option.label);

test("a part of a name offers the fields that have it, those that begin with it first", () => {
  expect(labels("lo")).toEqual(["metrics.loss", "metrics.val/loss"]);
  expect(labels("params.l")).toEqual(["params.lr", "params.learning rate"]);
});

test("at the beginning and after AND, fields are offered, MLflow's own tags last", () => {
  expect(labels("")).toContain("metrics.loss");
  expect(labels("params.lr > 1 AND ")).toContain("status");
  expect(labels("")).not.toContain("tags.mlflow.user");
});

test("after a field come operators, after a condition AND and OR", () => {
  expect(labels("metrics.loss ")).toEqual(["<", "<=", ">", ">=", "=", "!="]);
  expect(labels("params.lr ")).toContain("LIKE");
  expect(labels("metrics.loss < 0.5 ")).toEqual(["AND", "OR"]);
  expect(labels("min(metrics.loss) ")).toContain("<");
});

test("after an operator the server is asked for the values of a param or tag", () => {
  expect(complete("tags.team = 'vi", 15, KEYS).values).toEqual({ kind: "tag", key: "team", prefix: "vi" });
  expect(complete("params.`learning rate` = ", 25, KEYS).values).toEqual({ kind: "param", key: "learning rate", prefix: "" });
  expect(labels("status = ")).toContain("FAILED");
});

test("an option replaces the word at the cursor and no more", () => {
  const text = "lo AND params.lr > 1";
  const { from, to } = complete(text, 2, KEYS);
  expect([from, to]).toEqual([0, 2]);
});

test("keys that are no plain words are quoted", () => {
  expect(reference("params", "learning rate")).toBe("params.`learning rate`");
  expect(reference("metrics", "a`b")).toBe("metrics.`a``b`");
  expect(reference("metrics", "val/loss")).toBe("metrics.val/loss");
});

test("one more condition binds to the whole filter", () => {
  expect(conjoin("a = 1 OR b = 2", "c = 3")).toBe("(a = 1 OR b = 2) AND c = 3");
  expect(conjoin("", "c = 3")).toBe("c = 3");
});
