import { beforeEach, describe, expect, it } from "vitest";
import { el, listIn } from "../src/dom";
import { bytesText, fill, forgetTranslations, t } from "../src/i18n";
import { fieldsOf, onlyMine, putBack, same } from "../src/pages/fields";
import { decide, type Kept } from "../src/pages/kept";
import { mount as mountLabForm } from "../src/pages/lab-form";
import { shareLeft, timeLeftText } from "../src/pages/timeleft";
import { remember, settle } from "../src/pages/unsent";
import { matching, replaced, triggerAt } from "../src/pages/trigger";
import { labText } from "../src/pages/report-editor";

beforeEach(() => {
  document.body.innerHTML = "";
  forgetTranslations();
});

describe("words", () => {
  it("come from the page's block, with values put in; what is missing stays English", () => {
    document.body.innerHTML = `<script type="application/json" id="messages">{"{n} of {total} verified": "已核对 {n} / {total}"}</script>`;
    expect(t("{n} of {total} verified", { n: 37, total: 412 })).toBe("已核对 37 / 412");
    expect(t("Series")).toBe("Series");
  });
  it("leave unknown places alone", () => expect(fill("{a} {b}", { a: 1 })).toBe("1 {b}"));
  it("say bytes as people do", () => {
    expect([900, 206_000_000, 4_200].map(bytesText)).toEqual(["900\u00a0B", "206\u00a0MB", "4.2\u00a0kB"]);
  });
});

it("text is never markup", () => expect(el("p", {}, "<b>x</b>").innerHTML).toBe("&lt;b&gt;x&lt;/b&gt;"));
it("a list in an attribute is a list or nothing", () => {
  expect(listIn('["1", 2, "3"]')).toEqual(["1", "3"]);
  expect(listIn("oops")).toEqual([]);
});

describe("a form's fields", () => {
  const form = (): HTMLFormElement => {
    document.body.innerHTML = `<form>
      <input name="csrf_token" value="x"><input name="version" value="3"><input type="password" name="password" value="s">
      <textarea name="history">long</textarea><input type="checkbox" name="urgent" checked>
      <input type="checkbox" name="kind[]" value="a" checked><input type="checkbox" name="kind[]" value="b">
      <input type="radio" name="drug" value="yes"><input type="radio" name="drug" value="no" checked>
      <fieldset data-autosave="off"><input name="secret" value="1"></fieldset></form>`;
    return document.querySelector("form") as HTMLFormElement;
  };
  it("are named values, without secrets", () => {
    expect(fieldsOf(form())).toEqual({ history: "long", urgent: true, kind: ["a"], drug: "no" });
  });
  it("can be put back", () => {
    const made = form();
    putBack(made, { history: "new", urgent: false, kind: ["b"], drug: "yes" });
    expect(fieldsOf(made)).toEqual({ history: "new", urgent: false, kind: ["b"], drug: "yes" });
  });
  it("are compared whatever their order", () => expect(same({ a: "1", b: "2" }, { b: "2", a: "1" })).toBe(true));
});

describe("what is there now", () => {
  const base = { question: "", history: "" };
  it("is mine when every field says what was shown, sent or typed", () => {
    const sent = { question: "why", history: "" };
    expect(onlyMine({ question: "why", history: "" }, [base, sent, { question: "why?", history: "long" }])).toBe(true);
    expect(onlyMine({ question: "", history: "long" }, [base, null, { question: "", history: "long" }])).toBe(true);
  });
  it("is somebody else's when one field says another thing", () =>
    expect(onlyMine({ question: "other", history: "" }, [base, null, { question: "mine", history: "" }])).toBe(false));
});

describe("unsent text", () => {
  const key = el("input", { type: "hidden", name: "idempotency_key", value: "k1" });
  const form = (text = ""): HTMLFormElement => {
    document.documentElement.dataset.user = "u1";
    document.body.innerHTML = `<form method="post" action="/messages"><textarea name="text">${text}</textarea></form>`;
    return document.querySelector("form") as HTMLFormElement;
  };
  const type = (made: HTMLFormElement, text: string): void => {
    (made.elements.namedItem("text") as HTMLTextAreaElement).value = text;
    made.dispatchEvent(new Event("input"));
  };
  const shown = (made: HTMLFormElement): string => (made.elements.namedItem("text") as HTMLTextAreaElement).value;
  beforeEach(() => {
    sessionStorage.clear();
    delete document.documentElement.dataset.answer;
  });

  it("is put back when the form comes again", () => {
    const first = form();
    remember(first, key);
    type(first, "half a sentence");
    const again = form();
    remember(again, key);
    expect(shown(again)).toBe("half a sentence");
    expect(again.textContent).toContain("Your unsent text was put back.");
  });
  it("has arrived when another page comes", () => {
    const first = form();
    const goesOut = remember(first, key);
    type(first, "whole");
    goesOut();
    settle();
    const again = form();
    remember(again, key);
    expect(shown(again)).toBe("");
  });
  it("goes out again under the same key when nobody knows whether it arrived", () => {
    const first = form();
    const goesOut = remember(first, key);
    type(first, "whole");
    goesOut();
    const fresh = el("input", { type: "hidden", name: "idempotency_key", value: "k2" });
    remember(form(), fresh);
    expect(fresh.value).toBe("k1");
  });
  it("is kept when it was refused", () => {
    const first = form();
    const goesOut = remember(first, key);
    type(first, "refused");
    goesOut();
    document.documentElement.dataset.answer = "post";
    settle();
    remember(form("refused"), key);
    delete document.documentElement.dataset.answer;
    const again = form();
    remember(again, key);
    expect(shown(again)).toBe("refused");
  });
  it("is nobody else's", () => {
    const first = form();
    remember(first, key);
    type(first, "of u1");
    document.documentElement.dataset.user = "u2";
    settle();
    expect(sessionStorage.length).toBe(0);
  });
  it("outlives the log-in that a page asks for, not a log-out", () => {
    const goesOut = remember(form("x"), key);
    goesOut();
    delete document.documentElement.dataset.user;
    history.replaceState(null, "", "?next=%2Fworklist");
    settle();
    expect(sessionStorage.length).toBe(1);
    history.replaceState(null, "", "?");
    settle();
    expect(sessionStorage.length).toBe(0);
  });
});

describe("kept text", () => {
  const kept = (more: Partial<Kept>): Kept => ({ fields: {}, version: 3, at: 1000, submitted: false, ...more });
  it("is put back when the server has not moved on", () => expect(decide(kept({}), 3, false, 2000)).toBe("restore"));
  it("is offered when it has", () => expect(decide(kept({}), 4, false, 2000)).toBe("ask"));
  it("has arrived when the form was sent and the version rose", () =>
    expect(decide(kept({ submitted: true }), 4, false, 2000)).toBe("nothing"));
  it("is put back when the sending failed", () =>
    expect(decide(kept({ submitted: true }), 3, false, 2000)).toBe("restore"));
  it("does not come back after a fortnight, or when nothing differs", () => {
    expect(decide(kept({}), 3, false, 1000 + 15 * 24 * 3600 * 1000)).toBe("nothing");
    expect(decide(kept({}), 3, true, 2000)).toBe("nothing");
  });
});

describe("time left", () => {
  const MIN = 60_000;
  it("is said in the two largest units", () => {
    expect(timeLeftText(200 * MIN)).toBe("3 h 20 min left");
    expect(timeLeftText(49 * 60 * MIN)).toBe("2 d 1 h left");
    expect(timeLeftText(-5 * MIN)).toBe("5 min over");
  });
  it("is a share between nothing and all", () => {
    expect(shareLeft(50, 0, 100)).toBe(50);
    expect(shareLeft(200, 0, 100)).toBe(0);
    expect(shareLeft(0, 100, 100)).toBe(0);
  });
});

describe("phrases and values", () => {
  it("are called by a sign that starts a word", () => {
    expect(triggerAt("1. /支架", 6)).toEqual({ kind: "/", from: 3, query: "支架" });
    expect(triggerAt("肌酐@", 3)).toEqual({ kind: "@", from: 2, query: "" });
    expect(triggerAt("120/80", 6)).toBeNull();
    expect(triggerAt("a@b", 3)).toBeNull();
  });
  it("are found by what is typed, beginnings first", () => {
    expect(matching(["xab", "abc", "q"], "AB", (one) => one)).toEqual(["abc", "xab"]);
  });
  it("take the place of sign and query", () => {
    const trigger = triggerAt("see /ab now", 7);
    expect(trigger && replaced("see /ab now", trigger, 7, "phrase")).toEqual({ text: "see phrase now", caret: 10 });
  });
  it("bring a lab value with unit, flag, range and date", () => {
    expect(labText({ name: "肌酐", value: "86", unit: "μmol/L", range: "57–111", date: "11月19日" })).toBe(
      "肌酐 86\u00a0μmol/L（57–111，11月19日）",
    );
  });
});

it("rows of a lab form never share a number", () => {
  document.body.innerHTML = `<div id="f"><div data-rows><p><input name="r-0"><button data-remove>x</button></p></div>
    <template data-row><p><input name="r-__n__"><button data-remove>x</button></p></template><button data-add>+</button></div>`;
  const form = document.getElementById("f") as HTMLElement;
  mountLabForm(form);
  const add = form.querySelector("[data-add]") as HTMLElement;
  add.click();
  (form.querySelector("[data-rows] [data-remove]") as HTMLElement).click();
  add.click();
  expect([...form.querySelectorAll<HTMLInputElement>("[data-rows] input")].map((input) => input.name)).toEqual([
    "r-1",
    "r-2",
  ]);
});
