// Stands in for xmlbuilder2, which vtk.js wants for meshes in XML files. The reading room opens none.
export function create() {
  throw new Error("XML files are not read here");
}
