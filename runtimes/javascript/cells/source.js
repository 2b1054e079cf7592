// Change the source of a cell so that its names last, can be declared again, and `await` works at top level.
"use strict";

const acorn = require("acorn");
const walk = require("acorn-walk");

const OPTIONS = {
  ecmaVersion: "latest",
  allowAwaitOutsideFunction: true,
  allowImportExportEverywhere: true,
  allowHashBang: true,
  preserveParens: true,
};

// Replacements in a text, by the offsets of the original.
class Edits {
  constructor(text) {
    this.text = text;
    this.all = [];
  }

  replace(start, end, text) {
    this.all.push({ start, end, text, order: this.all.length });
  }

  insert(at, text) {
    this.replace(at, at, text);
  }

  applied() {
    let out = "";
    let at = 0;
    for (const edit of this.all.sort((a, b) => a.start - b.start || a.order - b.order)) {
      out += this.text.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return out + this.text.slice(at);
  }
}

// Return { code, isAsync, hasValue, prefix }: what to run, whether it returns a promise of [value], whether
// the cell ends with an expression, and how many characters precede its first line.
// Return null if acorn cannot parse it. V8 then reports the error.
function prepared(code) {
  let tree;
  try {
    tree = acorn.parse(code, OPTIONS);
  } catch {
    return null;
  }
  const last = tree.body.at(-1);
  const hasValue = last?.type === "ExpressionStatement";
  const edits = new Edits(code);
  if (!awaits(tree)) {
    for (const node of tree.body) declareAsVar(node, edits);
    return { code: edits.applied(), isAsync: false, hasValue, prefix: 0 };
  }
  const names = new Set();
  const functions = [];
  for (const node of tree.body) {
    if (node.type === "ImportDeclaration") replaceImport(node, edits, names);
    else if (node.type.startsWith("Export")) return null;
    else if (node.type === "VariableDeclaration") assign(node, edits, names);
    else if (node.type === "ClassDeclaration") {
      names.add(node.id.name);
      edits.insert(node.start, `${node.id.name}=`);
      edits.insert(node.end, ";");
    } else if (node.type === "FunctionDeclaration") {
      names.add(node.id.name);
      functions.push(node.id.name);
    } else assignInner(node, edits, names);
  }
  if (hasValue) {
    edits.insert(last.start, "return [(");
    edits.insert(last.expression.end, ")]");
  }
  const declared = names.size ? `var ${[...names].join(",")};` : "";
  const hoisted = functions.map((name) => `globalThis.${name}=${name};`).join("");
  const prefix = `${declared}(async()=>{${hoisted}`;
  return { code: `${prefix}${edits.applied()}\n})()`, isAsync: true, hasValue, prefix: prefix.length };
}

function awaits(tree) {
  const found = new Error("found");
  const skip = () => {};
  const stop = () => {
    throw found;
  };
  const visitor = {
    Function: skip,
    Class(node, state, visit) {
      // Names and the class that it extends can await, its body cannot.
      if (node.superClass) visit(node.superClass, state, "Expression");
      for (const member of node.body.body) if (member.computed) visit(member.key, state, "Expression");
    },
    AwaitExpression: stop,
    ImportDeclaration: stop,
    ForOfStatement(node, state, visit) {
      if (node.await) stop();
      walk.base.ForOfStatement(node, state, visit);
    },
  };
  try {
    walk.recursive(tree, null, visitor);
    return false;
  } catch (error) {
    if (error === found) return true;
    throw error;
  }
}

// `let` and `const` become `var`, of the same length so that columns stay, and a class is assigned to one.
function declareAsVar(node, edits) {
  if (node.type === "VariableDeclaration" && ["let", "const"].includes(node.kind)) {
    edits.replace(node.start, node.start + node.kind.length, "var".padEnd(node.kind.length));
    for (const one of node.declarations) if (!one.init) edits.insert(one.end, "=void 0");
  } else if (node.type === "ClassDeclaration") {
    edits.insert(node.start, `var ${node.id.name}=`);
    edits.insert(node.end, ";");
  }
}

// `let a = 1, {b} = c` becomes `void (a = 1, ({b} = c))`.
function assign(node, edits, names, isStatement = true) {
  const first = node.declarations[0];
  edits.replace(node.start, first.start, isStatement ? ";void (" : "");
  for (const one of node.declarations) {
    collect(one.id, names);
    if (one.init && one.id.type === "ObjectPattern") {
      edits.insert(one.start, "(");
      edits.insert(one.end, ")");
    } else if (!one.init && isStatement) {
      edits.insert(one.end, node.kind === "var" ? "" : "=void 0");
    }
  }
  if (isStatement) edits.insert(node.declarations.at(-1).end, ")");
}

// Assign what `var` declares inside of blocks and loops, which would otherwise end with the function.
function assignInner(node, edits, names) {
  const head = new Set();
  const note = (one) => one?.type === "VariableDeclaration" && head.add(one);
  walk.recursive(node, null, {
    Function() {},
    ForStatement(one, state, visit) {
      note(one.init);
      walk.base.ForStatement(one, state, visit);
    },
    ForInStatement(one, state, visit) {
      note(one.left);
      walk.base.ForInStatement(one, state, visit);
    },
    ForOfStatement(one, state, visit) {
      note(one.left);
      walk.base.ForOfStatement(one, state, visit);
    },
    VariableDeclaration(one, state, visit) {
      if (one.kind === "var") assign(one, edits, names, !head.has(one));
      walk.base.VariableDeclaration(one, state, visit);
    },
  });
}

function collect(pattern, names) {
  const visitor = {
    Expression() {},
    VariablePattern(node) {
      names.add(node.name);
    },
  };
  walk.recursive(pattern, null, visitor, walk.base, "Pattern");
}

// `import a, { b as c } from "m"` becomes an assignment of what `await import("m")` has.
function replaceImport(node, edits, names) {
  const parts = [];
  let whole = "";
  for (const one of node.specifiers) {
    const local = one.local.name;
    names.add(local);
    if (one.type === "ImportNamespaceSpecifier") whole = `${local}=`;
    else if (one.type === "ImportDefaultSpecifier") parts.push(`default:${local}`);
    else parts.push(`${JSON.stringify(one.imported.name ?? one.imported.value)}:${local}`);
  }
  const options = node.attributes?.length
    ? `,{with:{${node.attributes.map((one) => `${JSON.stringify(one.key.name ?? one.key.value)}:${one.value.raw}`)}}}`
    : "";
  const imported = `${whole}await import(${node.source.raw}${options})`;
  const text = parts.length ? `({${parts.join(",")}}=${imported});` : `${imported};`;
  edits.replace(node.start, node.end, `;${text}${"\n".repeat(lines(edits.text, node))}`);
}

function lines(code, node) {
  return code.slice(node.start, node.end).split("\n").length - 1;
}

module.exports = { prepared };
