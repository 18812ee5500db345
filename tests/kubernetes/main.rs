//! The Kubernetes manifests: against the schemas of Kubernetes itself, and against the agent that they are for.
//!
//! The schemas come with `kubernetes-validate` (PyPI), which needs no network and no cluster. Where it is missing that
//! test says so, and fails when `MINEWARDEN_REQUIRE_KUBERNETES=1`.
use std::{env, process::Command};

use minewarden_tests::daemonset::{CONTAINERFILE, MANIFEST, Manifests};
use monitor::{config, host::privilege};

/// Versions that the manifests are for: the first that knows every field, and the newest whose schemas there are.
const VERSIONS: [&str; 3] = ["1.30", "1.34", "1.37"];
const VALIDATOR: &str = "kubernetes-validate";

#[test]
fn every_manifest_is_as_the_schemas_of_kubernetes_say() {
    if !Command::new(VALIDATOR).arg("--version").output().is_ok_and(|output| output.status.success()) {
        let required = env::var_os("MINEWARDEN_REQUIRE_KUBERNETES").is_some_and(|value| value == "1");
        assert!(!required, "`{VALIDATOR} --version` does not work, and MINEWARDEN_REQUIRE_KUBERNETES=1");
        eprintln!("SKIPPED: `{VALIDATOR}` is not there: pip install {VALIDATOR}");
        return;
    }
    let kinds = Manifests::read().unwrap().kinds().len();
    for version in VERSIONS {
        let validate = Command::new(VALIDATOR).args(["--strict", "-k", version, MANIFEST]).output().unwrap();
        let said = [validate.stdout, validate.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        // A kind that has no schema is passed over with a warning and status 0, so each line counts.
        let passed =
            said.lines().filter(|line| line.starts_with("INFO ") && line.contains(" passed for resource "));
        assert!(validate.status.success(), "{version}: {said}");
        assert_eq!((said.lines().count(), passed.count()), (kinds, kinds), "{version}: {said}");
    }
}

#[test]
fn the_validator_refuses_what_is_wrong() {
    if !Command::new(VALIDATOR).arg("--version").output().is_ok_and(|output| output.status.success()) {
        return; // said by the other test
    }
    let wrong = std::fs::read_to_string(MANIFEST).unwrap().replace("hostPID: true", "hostPIDs: true");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wrong.yaml");
    std::fs::write(&path, wrong).unwrap();
    let validate = Command::new(VALIDATOR).args(["--strict", "-k", VERSIONS[0]]).arg(&path).output().unwrap();
    assert!(!validate.status.success(), "{validate:?}");
}

#[test]
fn the_manifests_are_those_that_are_meant_and_give_no_access_to_the_cluster() {
    let manifests = Manifests::read().unwrap();
    let kinds = ["Namespace", "ServiceAccount", "PriorityClass", "ConfigMap", "DaemonSet"];
    assert_eq!(manifests.kinds(), kinds);
    let token = manifests.of("ServiceAccount").unwrap().get("automountServiceAccountToken").unwrap();
    assert_eq!(token.as_bool(), Some(false));
    let level =
        &manifests.of("Namespace").unwrap()["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
    assert_eq!(level.as_str(), Some("privileged"));
    let pod = &manifests.of("DaemonSet").unwrap()["spec"]["template"]["spec"];
    assert_eq!(pod["automountServiceAccountToken"].as_bool(), Some(false));
    assert_eq!(pod["priorityClassName"], manifests.of("PriorityClass").unwrap()["metadata"]["name"]);
    assert_eq!(pod["serviceAccountName"], manifests.of("ServiceAccount").unwrap()["metadata"]["name"]);
}

#[test]
fn the_capabilities_are_those_that_the_agent_asks_for() {
    let manifests = Manifests::read().unwrap();
    let mut granted: Vec<_> =
        manifests.pod().unwrap().capabilities().unwrap().iter().map(|name| format!("CAP_{name}")).collect();
    let mut used: Vec<String> = privilege::used().map(str::to_owned).collect();
    // For the limit on locked memory of kernels before 5.11; the agent does not look at it.
    used.push("CAP_SYS_RESOURCE".to_owned());
    granted.sort();
    used.sort();
    assert_eq!(granted, used);
}

#[test]
fn the_image_has_the_agents_version_and_the_configuration_is_one() {
    let manifests = Manifests::read().unwrap();
    let pod = manifests.pod().unwrap();
    let image = format!("minewarden:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(pod.container().unwrap().image, image);
    assert!(std::fs::read_to_string(CONTAINERFILE).unwrap().contains(&format!("--tag {image} ")));
    let files = manifests.files("minewarden").unwrap();
    let text = &files["minewarden.toml"];
    let loaded = config::parse(text).unwrap();
    assert_eq!((files.len(), loaded.unknown), (1, vec![]), "{text}");
    assert_eq!(loaded.config, config::Config::default());
}
