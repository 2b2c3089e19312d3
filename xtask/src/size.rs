//! Prints how many bytes a client adds to a page.
//!
//! The pages do the same thing with different clients. They are built and compressed as for users.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};

use crate::{
    page,
    run::{cargo, command, root, run},
    setup,
};

/// Pages: name, features of the build, and maximum size in bytes, if any.
const PAGES: [(&str, &str, Option<usize>); 7] = [
    ("web_sys", "web-sys", None),
    ("callbacks", "wrapper", Some(10 * 1024)),
    ("native", "wrapper", None),
    ("reconnect", "wrapper", None),
    ("fetch", "fetch", Some(18 * 1024)),
    ("auto", "fetch", None),
    ("gloo", "gloo", None),
];

/// Arguments of wasm-opt. They enable the wasm features that Rust uses, because wasm-opt assumes fewer by default.
const WASM_OPT: &str = "-Oz --enable-bulk-memory --enable-bulk-memory-opt \
    --enable-call-indirect-overlong --enable-multivalue --enable-mutable-globals \
    --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext";

/// Prints the table of sizes.
pub(crate) fn print() -> Result<()> {
    setup::target(page::TARGET)?;
    let tools = Tools::install()?;
    let mut table = String::from(
        "| page | wasm: B | glue: B | both: B | wasm, optimized: B | glue, minified: B | both: B |\n\
         |---|---:|---:|---:|---:|---:|---:|\n",
    );
    for (name, features, limit) in PAGES {
        let folder = build(name, features)?;
        let (wasm, glue) = (folder.join("page_bg.wasm"), folder.join("page.js"));
        let (small_wasm, small_glue) = (tools.optimize(&wasm)?, tools.minify(&glue)?);
        let [wasm, glue, small_wasm, small_glue] =
            [&wasm, &glue, &small_wasm, &small_glue].map(|file| compressed(file));
        let (wasm, glue, small_wasm, small_glue) = (wasm?, glue?, small_wasm?, small_glue?);
        let (both, small) = (wasm + glue, small_wasm + small_glue);
        let wanted = limit.map_or_else(String::new, |limit| {
            let mark = if small > limit { "▼ " } else { "" };
            format!(" {mark}(≤ {limit})")
        });
        writeln!(
            table,
            "| {name} | {wasm} | {glue} | {both} | {small_wasm} | {small_glue} | {small}{wanted} |"
        )?;
    }
    let script = compressed(&tools.fetch_event_source()?)?;
    writeln!(
        table,
        "| fetch-event-source | | | | | {script} | {script} |"
    )?;
    println!("\nCompressed by gzip.\n\n{table}");
    Ok(())
}

/// Builds a page of this workspace and returns its folder.
fn build(name: &str, features: &str) -> Result<PathBuf> {
    run(cargo(&format!(
        "build --quiet --package sizes --example {name} --features {features} \
         --target {} --profile wasm",
        page::TARGET
    )))?;
    let wasm = format!("target/{}/wasm/examples/{name}.wasm", page::TARGET);
    let folder = root().join("target/sizes").join(name);
    page::bind(&root().join(wasm), &folder)?;
    Ok(folder)
}

/// Folder with programs from npm that make pages smaller, and with the client in JavaScript.
struct Tools(PathBuf);

impl Tools {
    fn install() -> Result<Self> {
        setup::program("npm", "npm")?;
        let folder = root().join("target/sizes/tools");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("package.json"), "{ \"private\": true }\n")?;
        let mut install = command(
            "npm",
            "install --silent --no-audit --no-fund \
             @microsoft/fetch-event-source@2.0.1 binaryen esbuild@0.25.12",
        );
        run(install.current_dir(&folder))?;
        Ok(Self(folder))
    }

    fn optimize(&self, wasm: &Path) -> Result<PathBuf> {
        let out = wasm.with_extension("small.wasm");
        let mut tool = command(&self.tool("wasm-opt"), WASM_OPT);
        run(tool.arg(wasm).arg("-o").arg(&out))?;
        Ok(out)
    }

    fn minify(&self, script: &Path) -> Result<PathBuf> {
        let out = script.with_extension("small.js");
        let mut tool = command(
            &self.tool("esbuild"),
            "--bundle --minify --format=esm --log-level=error",
        );
        run(tool.arg(script).arg(format!("--outfile={}", out.display())))?;
        Ok(out)
    }

    fn fetch_event_source(&self) -> Result<PathBuf> {
        let from = root().join("sizes/pages/fetch_event_source.js");
        let script = self.0.join("page.js");
        fs::copy(&from, &script).with_context(|| from.display().to_string())?;
        self.minify(&script)
    }

    fn tool(&self, name: &str) -> String {
        self.0
            .join("node_modules/.bin")
            .join(name)
            .display()
            .to_string()
    }
}

/// Returns the size of a file in bytes after compression.
pub(crate) fn compressed(file: &Path) -> Result<usize> {
    let bytes = fs::read(file).with_context(|| file.display().to_string())?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes)?;
    Ok(encoder.finish()?.len())
}
