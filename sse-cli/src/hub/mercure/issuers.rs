//! File with the trusted issuers of access tokens.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use sse_mercure::{Algorithm, Issuer, KeySet, Role};

/// Algorithms of the keys of a JWK set, unless the file names others.
const DEFAULT_ALGORITHMS: [Algorithm; 9] = [
    Algorithm::EdDsa,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Content of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IssuersFile {
    issuer: Vec<IssuerEntry>,
    /// Folder of the file, which relative paths refer to.
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct IssuerEntry {
    id: String,
    #[serde(default)]
    authorization_server: bool,
    publisher: Option<KeyEntry>,
    subscriber: Option<KeyEntry>,
}

/// Key of an issuer. It has no `Debug`, so that no log shows it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyEntry {
    key: Option<String>,
    key_file: Option<PathBuf>,
    jwks: Option<String>,
    algorithm: Option<String>,
    algorithms: Option<Vec<String>>,
}

/// JWK set at a URL, which is read while the hub runs.
pub(crate) struct JwkSetSource {
    pub(crate) issuer: Issuer,
    pub(crate) role: Role,
    pub(crate) url: String,
    pub(crate) algorithms: Vec<Algorithm>,
}

impl IssuersFile {
    /// Reads and parses the file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).context("cannot read the file")?;
        let parsed: Result<Self, _> = toml::from_str(&text);
        let mut file = parsed.map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = 1 + text[..start].matches('\n').count();
            // The message may quote a secret.
            let message = error.message().split('"').next().unwrap_or_default();
            anyhow::anyhow!("line {line}: {}", message.trim_end())
        })?;
        ensure!(!file.issuer.is_empty(), "no issuer");
        file.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(file)
    }

    /// Returns the issuers that clients can get tokens from.
    pub(crate) fn authorization_servers(&self) -> Vec<String> {
        let servers = self
            .issuer
            .iter()
            .filter(|entry| entry.authorization_server);
        servers.map(|entry| entry.id.clone()).collect()
    }

    /// Returns the issuers with their keys, and the JWK sets at URLs.
    pub(crate) fn load(self) -> Result<(Vec<Issuer>, Vec<JwkSetSource>)> {
        let (mut issuers, mut sources) = (Vec::<Issuer>::new(), Vec::new());
        for entry in self.issuer {
            let id = &entry.id;
            ensure!(
                issuers.iter().all(|known| known.id() != id),
                "issuer {id:?} is given twice"
            );
            let issuer = Issuer::new(id.clone());
            for (role, name, key) in [
                (Role::Publisher, "publisher", entry.publisher),
                (Role::Subscriber, "subscriber", entry.subscriber),
            ] {
                let Some(key) = key else {
                    continue;
                };
                let place = || format!("issuer {id:?}: {name}");
                match key.load(&self.folder).with_context(place)? {
                    LoadedKey::Keys(keys) => issuer.set_keys(role, keys),
                    LoadedKey::Url(url, algorithms) => sources.push(JwkSetSource {
                        issuer: issuer.clone(),
                        role,
                        url,
                        algorithms,
                    }),
                }
            }
            issuers.push(issuer);
        }
        Ok((issuers, sources))
    }
}

enum LoadedKey {
    Keys(KeySet),
    Url(String, Vec<Algorithm>),
}

impl KeyEntry {
    fn load(self, folder: &Path) -> Result<LoadedKey> {
        let algorithms = match (self.algorithm, self.algorithms) {
            (Some(_), Some(_)) => bail!("either `algorithm` or `algorithms`"),
            (Some(one), None) => Some(vec![one]),
            (None, several) => several,
        };
        let algorithms = algorithms.map(|names| names.iter().map(|name| parse(name)).collect());
        let algorithms: Option<Vec<_>> = algorithms.transpose()?;
        let key = match (self.key, self.key_file, self.jwks) {
            (Some(key), None, None) => key,
            (None, Some(path), None) => {
                let path = folder.join(path);
                let read = fs::read_to_string(&path);
                read.with_context(|| format!("cannot read {}", path.display()))?
            }
            (None, None, Some(source)) => {
                let algorithms = algorithms.unwrap_or(DEFAULT_ALGORITHMS.to_vec());
                return jwk_set(source, algorithms, folder);
            }
            _ => bail!("exactly one of `key`, `key-file` and `jwks` is required"),
        };
        let algorithm = match algorithms.as_deref() {
            Some([algorithm]) => *algorithm,
            Some(_) => bail!("a key has exactly one algorithm"),
            None => bail!("`algorithm` is missing"),
        };
        let keys = match algorithm.is_symmetric() {
            true => KeySet::from_secret(key.trim_end_matches(['\r', '\n']).as_bytes(), algorithm),
            false => KeySet::from_pem(key.as_bytes(), algorithm),
        };
        Ok(LoadedKey::Keys(keys?))
    }
}

fn jwk_set(source: String, algorithms: Vec<Algorithm>, folder: &Path) -> Result<LoadedKey> {
    if source.starts_with("https://") || source.starts_with("http://") {
        return Ok(LoadedKey::Url(source, algorithms));
    }
    let path = folder.join(source.strip_prefix("file://").unwrap_or(&source));
    let json = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let keys = KeySet::from_jwks(&json, &algorithms);
    Ok(LoadedKey::Keys(
        keys.with_context(|| path.display().to_string())?,
    ))
}

fn parse(name: &str) -> Result<Algorithm> {
    Algorithm::from_name(name).with_context(|| {
        let known = Algorithm::ALL.map(Algorithm::name).join(", ");
        format!("unknown algorithm {name:?}; known ones are {known}")
    })
}
