//! The software bill of materials: CycloneDX 1.5 as JSON, of exactly what the agent is made of.
//!
//! Written here because the tools for it list what cargo compiled for the machine that builds as well (procedural
//! macros, build scripts), name folders of that machine, and write into the source tree.
use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::{
    crates::{Crate, Id},
    epoch::Epoch,
    notices::{Toolchain, toolchain},
};

/// The document. `digest` is the SHA-256 of the agent; the same input gives the same bytes.
pub(crate) fn document(version: &str, crates: &[Crate], digest: &str, epoch: Epoch) -> Result<String> {
    let agent = reference(&("monitor".to_owned(), own_version(crates)?));
    let libraries: Vec<Value> =
        crates.iter().filter(|one| reference(&one.id()) != agent).map(component).collect();
    let toolchain = toolchain()?;
    let components: Vec<Value> = libraries.into_iter().chain(toolchain.iter().map(runtime)).collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": serial(digest)?,
        "version": 1,
        "metadata": {
            "timestamp": epoch.format("+%Y-%m-%dT%H:%M:%SZ")?,
            "component": {
                "type": "application",
                "bom-ref": agent,
                "name": "minewarden",
                "version": version,
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
                "hashes": [{ "alg": "SHA-256", "content": digest }],
            },
        },
        "components": components,
        "dependencies": dependencies(crates, &agent, &toolchain),
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

fn own_version(crates: &[Crate]) -> Result<String> {
    let own = crates.iter().find(|one| one.name == "monitor").context("the agent is not among its crates")?;
    Ok(own.version.clone())
}

/// A package URL, which names a crate everywhere.
fn reference((name, version): &Id) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn component(one: &Crate) -> Value {
    let reference = reference(&one.id());
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": one.name,
        "version": one.version,
        "licenses": [{ "expression": one.licence }],
        "purl": reference,
        "properties": [{ "name": "minewarden:in", "value": if one.kernel { "eBPF object" } else { "agent" } }],
    });
    let checksum = one.checksum.as_ref().map(|sum| ("hashes", json!([{ "alg": "SHA-256", "content": sum }])));
    let source =
        one.repository.as_ref().map(|url| ("externalReferences", json!([{ "type": "vcs", "url": url }])));
    if let Some(fields) = component.as_object_mut() {
        fields.extend(checksum.into_iter().chain(source).map(|(name, value)| (name.to_owned(), value)));
    }
    component
}

fn runtime(part: &Toolchain) -> Value {
    let reference = part.reference();
    json!({
        "type": "library",
        "bom-ref": reference,
        "name": part.name,
        "version": part.version,
        "licenses": [{ "expression": part.licence }],
        "purl": reference,
    })
}

impl Toolchain {
    fn reference(&self) -> String {
        format!("pkg:generic/{}@{}", self.name, self.version)
    }
}

fn dependencies(crates: &[Crate], agent: &str, toolchain: &[Toolchain]) -> Vec<Value> {
    let depends = |one: &Crate| {
        let own = reference(&one.id());
        let mut on: Vec<String> = one.dependencies.iter().map(reference).collect();
        if own == agent {
            on.extend(toolchain.iter().map(Toolchain::reference));
        }
        json!({ "ref": own, "dependsOn": on })
    };
    crates.iter().map(depends).collect()
}

/// A UUID of version 8 (RFC 9562: bits of the maker's choice) from the digest.
fn serial(digest: &str) -> Result<String> {
    let part = |range| digest.get(range).context("the digest is too short");
    let (a, b, c) = (part(0..8)?, part(8..12)?, part(12..15)?);
    let (d, e) = (part(15..18)?, part(18..30)?);
    Ok(format!("urn:uuid:{a}-{b}-8{c}-8{d}-{e}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn one(name: &str, below: &[&str]) -> Crate {
        let dependencies: BTreeSet<Id> =
            below.iter().map(|name| ((*name).to_owned(), "1.0.0".to_owned())).collect();
        let (name, version, licence) = (name.to_owned(), "1.0.0".to_owned(), "MIT".to_owned());
        Crate { name, version, licence, dependencies, ..Crate::default() }
    }

    #[test]
    fn the_document_names_each_crate_once_and_every_edge_leads_to_one() {
        let crates = [one("log", &[]), one("monitor", &["log"])];
        let digest = "0123456789abcdef".repeat(4);
        // The moment is taken from this source tree, whatever it is.
        let epoch = Epoch::of(&crate::cargo::workspace().unwrap()).unwrap();
        let document = document("1.0.0", &crates, &digest, epoch).unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        let references = |list: &Value, key: &str| -> Vec<String> {
            list.as_array().unwrap().iter().map(|it| it[key].as_str().unwrap().to_owned()).collect()
        };
        let mut known = references(&document["components"], "bom-ref");
        assert_eq!(known.len(), 4, "{known:?}");
        known.push(document["metadata"]["component"]["bom-ref"].as_str().unwrap().to_owned());
        for dependency in document["dependencies"].as_array().unwrap() {
            for on in dependency["dependsOn"].as_array().unwrap() {
                assert!(known.contains(&on.as_str().unwrap().to_owned()), "{on}");
            }
        }
        assert_eq!(document["serialNumber"], "urn:uuid:01234567-89ab-8cde-8f01-23456789abcd");
    }
}
