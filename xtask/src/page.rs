//! The demo page: wasm, its glue, and the files beside it, ready to be served.

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

/// What browsers run.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the page and gives the folder that it is in.
pub(crate) fn build() -> Result<PathBuf> {
    let folder = bound("web-page", "web_page.wasm", "page")?;
    for file in ["index.html", "style.css", "tools.css"] {
        let from = root().join("web/page").join(file);
        fs::copy(&from, folder.join(file)).with_context(|| from.display().to_string())?;
    }
    Ok(folder)
}

/// The same for the example of yew, whose page is nothing else.
pub(crate) fn build_yew() -> Result<PathBuf> {
    let folder = bound("guide --example yew", "examples/yew.wasm", "yew")?;
    let page = "<!doctype html><meta charset=utf-8><title>yew</title>\n\
        <script type=module>import init from './page.js'; init()</script>\n";
    fs::write(folder.join("index.html"), page)?;
    Ok(folder)
}

/// Builds a package for browsers, and its wasm into this folder of `target`.
fn bound(package: &str, wasm: &str, folder: &str) -> Result<PathBuf> {
    setup::target(TARGET)?;
    run(cargo(&format!(
        "build --package {package} --target {TARGET} --profile wasm"
    )))?;
    let folder = root().join("target").join(folder);
    bind(&target().join(TARGET).join("wasm").join(wasm), &folder)?;
    Ok(folder)
}

/// Makes the wasm and the glue of a page, `page_bg.wasm` and `page.js`, in this folder.
pub(crate) fn bind(wasm: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    Bindgen::new()
        .input_path(wasm)
        .out_name("page")
        .web(true)?
        // The library's default leaves out what `init()` of the page needs to find its wasm.
        .omit_default_module_path(false)
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
        .context("wasm-bindgen cannot make the page's glue")
}
