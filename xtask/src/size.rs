//! What a client adds to a page: pages that do the same with different clients, built as for users,
//! compressed as on the way to them.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

use crate::{
    page,
    run::{cargo, command, root, run},
    setup,
};

/// A page: its name, what to build it with, and how large it may be, in bytes.
const PAGES: [(&str, &str, Option<usize>); 7] = [
    ("web_sys", "web-sys", None),
    ("callbacks", "wrapper", Some(10 * 1024)),
    ("native", "wrapper", Some(10 * 1024)),
    ("revival", "wrapper", None),
    ("fetch", "fetch", Some(18 * 1024)),
    ("auto", "fetch", None),
    ("gloo", "gloo", None),
];

/// Prints the sizes. An error, if a page is larger than it may be.
pub(crate) fn print() -> Result<()> {
    setup::target(page::TARGET)?;
    println!("| page | wasm, gzip: B | glue, gzip: B | both: B | at most |");
    println!("|---|---:|---:|---:|---:|");
    let mut too_large = Vec::new();
    for (name, features, limit) in PAGES {
        let folder = build(name, features)?;
        let wasm = compressed(&folder.join("page_bg.wasm"))?;
        let glue = compressed(&folder.join("page.js"))?;
        let both = wasm + glue;
        let at_most = limit.map_or_else(String::new, |limit| limit.to_string());
        println!("| {name} | {wasm} | {glue} | {both} | {at_most} |");
        if limit.is_some_and(|limit| both > limit) {
            too_large.push(name);
        }
    }
    let script = compressed(&fetch_event_source()?)?;
    println!("| fetch-event-source | | {script} | {script} | |");
    if !too_large.is_empty() {
        bail!("too large: {}", too_large.join(", "));
    }
    Ok(())
}

/// A page of ours, and the folder that it is in.
fn build(name: &str, features: &str) -> Result<PathBuf> {
    run(cargo(&format!(
        "build --quiet --package sizes --example {name} --features {features} \
         --target {} --profile wasm",
        page::TARGET
    )))?;
    let wasm = root().join(format!("target/{}/wasm/examples/{name}.wasm", page::TARGET));
    let folder = root().join("target/sizes").join(name);
    page::bind(&wasm, &folder)?;
    Ok(folder)
}

/// The script of the page in JavaScript, as small as esbuild makes it.
fn fetch_event_source() -> Result<PathBuf> {
    setup::program("npm", "npm")?;
    let folder = root().join("target/sizes/fetch-event-source");
    fs::create_dir_all(&folder)?;
    let from = root().join("sizes/pages/fetch_event_source.js");
    fs::copy(&from, folder.join("page.js")).with_context(|| from.display().to_string())?;
    fs::write(folder.join("package.json"), "{ \"private\": true }\n")?;
    let mut install = command(
        "npm",
        "install --silent --no-audit --no-fund @microsoft/fetch-event-source@2.0.1 esbuild@0.25.12",
    );
    run(install.current_dir(&folder))?;
    let mut bundle = command(
        "node_modules/.bin/esbuild",
        "page.js --bundle --minify --format=esm --log-level=error --outfile=bundle.js",
    );
    run(bundle.current_dir(&folder))?;
    Ok(folder.join("bundle.js"))
}

/// How large a file is when it is compressed, in bytes.
pub(crate) fn compressed(file: &Path) -> Result<usize> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    Ok(encoder.finish()?.len())
}
