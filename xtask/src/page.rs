//! Builds the demo page: wasm, its glue, and the other files, ready to be served.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    run::{cargo, root, run, target},
    setup,
};

/// Target for browsers.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the page and returns its folder.
pub(crate) fn build() -> Result<PathBuf> {
    let folder = bound("web-page", "web_page.wasm", "page")?;
    for file in ["index.html", "style.css", "tools.css"] {
        let from = root().join("web/page").join(file);
        fs::copy(&from, folder.join(file)).with_context(|| from.display().to_string())?;
    }
    Ok(folder)
}

/// Builds the page of the yew example and returns its folder.
pub(crate) fn build_yew() -> Result<PathBuf> {
    let folder = bound("guide --example yew", "examples/yew.wasm", "yew")?;
    let page = "<!doctype html><meta charset=utf-8><title>yew</title>\n\
        <script type=module>import init from './page.js'; init()</script>\n";
    fs::write(folder.join("index.html"), page)?;
    Ok(folder)
}

/// Builds a package for browsers, and writes its wasm and glue into this folder of `target`.
fn bound(package: &str, wasm: &str, folder: &str) -> Result<PathBuf> {
    setup::target(TARGET)?;
    run(cargo(&format!(
        "build --package {package} --target {TARGET} --profile wasm"
    )))?;
    let folder = root().join("target").join(folder);
    bind(&target().join(TARGET).join("wasm").join(wasm), &folder)?;
    Ok(folder)
}

/// Writes the wasm and the glue of a page, `page_bg.wasm` and `page.js`, into this folder.
pub(crate) fn bind(wasm: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    Bindgen::new()
        .input_path(wasm)
        .out_name("page")
        .web(true)?
        // By default, the library omits the path from which `init()` of the page loads its wasm.
        .omit_default_module_path(false)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
        .context("wasm-bindgen cannot generate the page's glue")
}
