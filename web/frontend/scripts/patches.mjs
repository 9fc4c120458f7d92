// Small mends to packages, made while building so that node_modules stays as published.

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

// Films are drawn by WebGL or by the processor. vtk.js brings a second renderer on WebGPU along, 60 kB on the line, that nobody starts.
export function noWebGPU() {
  return {
    name: "teleconsult:no-webgpu",
    apply: "build",
    load(id) {
      return /@kitware\/vtk\.js\/Rendering\/WebGPU\//.test(id) ? "export default {};" : null;
    },
  };
}
