// Stands in for Node's own modules, which codecs ask for only under Node.
export default {};
