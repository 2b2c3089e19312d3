//! Builds `sse-npm` for JavaScript: a script that defines `EventSource`, and an npm package.

mod test;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use base64::{Engine, prelude::BASE64_STANDARD};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    page,
    run::{cargo, command, root, run, target},
    setup, size,
};

/// Files of the package in addition to the glue and the scripts.
const FILES: [&str; 10] = [
    "js/connection.js",
    "js/extended.js",
    "js/index.d.ts",
    "js/index.js",
    "js/interface.js",
    "js/module.d.ts",
    "js/module.js",
    "js/node.js",
    "js/polyfill.d.ts",
    "README.md",
];

/// Code that defines `EventSource` in every global scope. It is not enumerable, as in browsers.
const DEFINE: &str = "Object.defineProperty(globalThis, \"EventSource\", {
  __proto__: null,
  value: EventSource,
  writable: true,
  enumerable: false,
  configurable: true,
});";

/// Builds `event-source.js`, which defines `EventSource` for later scripts, and `event-source.mjs`, which exports it.
///
/// Both files contain the wasm.
pub(crate) fn polyfill(folder: &Path) -> Result<()> {
    let wasm = build()?;
    let made = root().join("target/npm/no-modules");
    bind(&wasm, &made, false)?;
    let glue = read(&made.join("sse_npm.js"))?;
    let wasm = fs::read(made.join("sse_npm_bg.wasm"))?;
    let parts = [
        glue,
        format!("const WASM = \"{}\";\n", BASE64_STANDARD.encode(wasm)),
        source("interface.js")?.replace("\nexport function", "\nfunction"),
        source("polyfill.js")?,
    ];
    let body = parts.join("\n");

    fs::create_dir_all(folder)?;
    let script = format!("(() => {{\n\"use strict\";\n\n{body}\n{DEFINE}\n}})();\n");
    write(folder, "event-source.js", &script)?;
    let module = format!("{body}\nexport {{ EventSource }};\n");
    write(folder, "event-source.mjs", &module)
}

/// Builds the package in `target/npm/package`, and prints the files that `npm publish` would upload.
pub(crate) fn pack() -> Result<()> {
    let folder = root().join("target/npm/package");
    package(&folder)?;
    setup::program("npm", "npm")?;
    let mut pack = command("npm", "pack --dry-run");
    run(pack.current_dir(&folder))
}

/// Builds the package and runs its tests.
pub(crate) fn test() -> Result<()> {
    pack()?;
    test::installed()
}

/// Builds the package in this folder, which is emptied first.
pub(crate) fn package(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    polyfill(folder)?;
    bind(&build()?, folder, true)?;
    for file in FILES {
        copy(&root().join("sse-npm").join(file), folder)?;
    }
    for file in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(file), folder)?;
    }
    let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let manifest = source("package.json")?.replace("\"version\": \"0.0.0\"", &version);
    fs::write(folder.join("package.json"), manifest)?;
    size_of(folder, "sse_npm_bg.wasm")?;
    size_of(folder, "sse_npm.js")
}

/// Builds the wasm and returns its path. The glue is not built.
fn build() -> Result<PathBuf> {
    setup::target(page::TARGET)?;
    run(cargo(&format!(
        "build --package sse-npm --target {} --profile wasm",
        page::TARGET
    )))?;
    Ok(target().join(format!("{}/wasm/sse_npm.wasm", page::TARGET)))
}

/// Writes `sse_npm_bg.wasm` and its glue `sse_npm.js`, which is a module or code to include in a script.
fn bind(wasm: &Path, folder: &Path, is_module: bool) -> Result<()> {
    let mut bindgen = Bindgen::new();
    match is_module {
        true => bindgen.web(true)?,
        false => bindgen.no_modules(true)?,
    };
    bindgen
        .input_path(wasm)
        .out_name("sse_npm")
        // A module loads its wasm from the same folder. A script contains it.
        .omit_default_module_path(!is_module)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
        .context("wasm-bindgen cannot generate the glue")
}

fn source(name: &str) -> Result<String> {
    read(&root().join("sse-npm/js").join(name))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

fn copy(from: &Path, folder: &Path) -> Result<()> {
    let name = from.file_name().context("path has no file name")?;
    fs::copy(from, folder.join(name)).with_context(|| from.display().to_string())?;
    Ok(())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    fs::write(folder.join(name), text)?;
    size_of(folder, name)
}

fn size_of(folder: &Path, name: &str) -> Result<()> {
    let path = folder.join(name);
    let compressed = size::compressed(&path)?;
    println!("{}: {compressed} B compressed", path.display());
    Ok(())
}
