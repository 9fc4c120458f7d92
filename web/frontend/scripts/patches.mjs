// Two small mends to packages, made while building so that node_modules stays as published. Each fails the build when it no longer fits.

// Our content security policy forbids style attributes; Cornerstone sets one on every measured text. Through CSSOM it is allowed.
const STYLE_ATTRIBUTE = "textElement.setAttribute('style', combinedStyle);";

export function noStyleAttributes() {
  let mended = false;
  return {
    name: "teleconsult:no-style-attributes",
    apply: "build",
    transform(code, id) {
      if (!/@cornerstonejs\/tools\/.*\/drawTextBox\.js$/.test(id)) return null;
      if (!code.includes(STYLE_ATTRIBUTE))
        throw new Error("drawTextBox.js changed: look whether it still sets a style attribute");
      mended = true;
      return { code: code.replace(STYLE_ATTRIBUTE, "textElement.style.cssText = combinedStyle;"), map: null };
    },
    buildEnd(error) {
      if (!error && !mended) this.warn("drawTextBox.js was not seen");
    },
  };
}
