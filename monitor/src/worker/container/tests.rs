//! State of engines as they write it, and as somebody who wishes us ill would, in a folder that stands for `/`.
use std::{cell::Cell, collections::HashMap, os::unix::fs::symlink};

use rustix::fs::FileType;
use tempfile::TempDir;

use super::*;
use crate::{enrich::place, worker::procfs::ProcDir};

const ID: &str = "3f4b1d0c9e8a7766554433221100ffeeddccbbaa99887766554433221100abcd";

/// As Docker 20.10 writes it, shortened.
const DOCKER: &str = r#"{"StreamConfig":{},"State":{"Running":true,"Pid":4121},"ID":"$ID","Managed":false,"Path":"/bin/x",
    "Config":{"Hostname":"vm","Env":null,"Image":"shop/miner:v1","Labels":{"com.docker.compose.project":"shop"}},
    "Image":"sha256:abfd","Name":"/shop-miner-1","Driver":"vfs","MountPoints":{}}"#;

struct Host {
    folder: TempDir,
    containers: Containers,
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let containers = Containers::at(folder.path().to_owned(), rustix::process::geteuid().as_raw());
        Self { folder, containers }
    }

    /// Puts a file there, `$ID` filled in.
    fn with(self, path: &str, content: &str) -> Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content.replace("$ID", ID)).unwrap();
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path.replace("$ID", ID).trim_start_matches('/'))
    }

    fn of(&self, cgroup: &str) -> Option<Container> {
        let lead = place::read(&format!("0::{}", cgroup.replace("$ID", ID))).1?;
        self.containers.of(&lead, |_| Some(PathBuf::from("/home/alice")), Vec::new)
    }

    /// `engine name image pod namespace`, `-` for what is not told.
    fn tells(&self, cgroup: &str) -> String {
        let Some(told) = self.of(cgroup) else { return "nothing".to_owned() };
        let parts = [Some(told.engine), told.name, told.image, told.pod, told.namespace];
        parts.map(|part| part.unwrap_or_else(|| "-".to_owned())).join(" ")
    }
}

#[test]
fn docker_is_read_where_its_configuration_says() {
    let record = |root: &str| format!("{root}/containers/$ID/config.v2.json");
    let told = "docker shop-miner-1 shop/miner:v1 - -";
    for (daemon, root) in [
        (None, "/var/lib/docker"),
        (Some("{}"), "/var/lib/docker"),
        (Some("{\"data-root\": \"/data/docker\", \"debug\": true}"), "/data/docker"),
        (Some("{\"graph\": \"/data/docker\"}"), "/data/docker"),
        (Some("{\"userns-remap\": \"default\"}"), "/var/lib/docker/165536.165536"),
        (Some("no JSON at all"), "/var/lib/docker"),
        (Some("{\"data-root\": 7}"), "/var/snap/docker/common/var-lib-docker"),
    ] {
        let mut host = Host::new().with(&record(root), DOCKER);
        if let Some(daemon) = daemon {
            host = host.with("/etc/docker/daemon.json", daemon);
        }
        for cgroup in ["/docker/$ID", "/system.slice/docker-$ID.scope", "/kubepods/pod1/$ID"] {
            assert_eq!(host.tells(cgroup), told, "{root}: {cgroup}");
        }
        assert_eq!(host.containers.refused(), 0, "{root}");
    }
}

#[test]
fn what_the_kubelet_told_docker_is_better_than_dockers_name() {
    let labels = r#"{"ID":"$ID","Name":"/k8s_m_web-1_prod_1-2_0","Config":{"Image":"shop/miner@sha256:1","Labels":{
        "io.kubernetes.container.name":"m","io.kubernetes.pod.name":"web-1","io.kubernetes.pod.namespace":"prod"}}}"#;
    let host = Host::new().with("/var/lib/docker/containers/$ID/config.v2.json", labels);
    assert_eq!(host.tells("/kubepods/besteffort/pod1-2/$ID"), "docker m shop/miner@sha256:1 web-1 prod");
}

#[test]
fn bundles_of_containerd_and_crio_tell_of_their_pods() {
    let cri = r#"{"ociVersion":"1.0.2","root":{"path":"rootfs"},"annotations":{"io.kubernetes.cri.container-name":"m",
        "io.kubernetes.cri.container-type":"container","io.kubernetes.cri.image-name":"docker.io/shop/miner:v1",
        "io.kubernetes.cri.sandbox-id":"$ID","io.kubernetes.cri.sandbox-name":"web-1",
        "io.kubernetes.cri.sandbox-namespace":"prod"},"mounts":[{"destination":"/proc","source":"proc"}]}"#;
    for folder in ["/run/containerd", "/run/k3s/containerd", "/var/snap/microk8s/common/run/containerd"] {
        let bundle = format!("{folder}/io.containerd.runtime.v2.task/k8s.io/$ID/config.json");
        let host = Host::new().with(&bundle, cri);
        let cgroup = "/kubepods.slice/kubepods-pod1.slice/cri-containerd-$ID.scope";
        assert_eq!(host.tells(cgroup), "containerd m docker.io/shop/miner:v1 web-1 prod", "{folder}");
    }
    let crio = r#"{"annotations":{"io.kubernetes.container.name":"m","io.kubernetes.cri-o.ContainerID":"$ID",
        "io.kubernetes.cri-o.ImageName":"quay.io/shop/miner:v1","io.kubernetes.pod.name":"web-1",
        "io.kubernetes.pod.namespace":"prod","io.kubernetes.cri-o.ContainerType":"container"}}"#;
    for folder in ["/run/containers/storage", "/var/lib/containers/storage"] {
        let host = Host::new().with(&format!("{folder}/overlay-containers/$ID/userdata/config.json"), crio);
        let cgroup = "/kubepods.slice/kubepods-pod1.slice/crio-$ID.scope/container";
        assert_eq!(host.tells(cgroup), "cri-o m quay.io/shop/miner:v1 web-1 prod", "{folder}");
    }
    let nerdctl = r#"{"annotations":{"nerdctl/name":"box"}}"#;
    let host =
        Host::new().with("/run/containerd/io.containerd.runtime.v2.task/default/$ID/config.json", nerdctl);
    assert_eq!(host.tells("/system.slice/nerdctl-$ID.scope"), "containerd box - - -");
}

/// As containers/storage of Podman 4 and 5 writes it, shortened.
const PODMAN: &str = r#"[{"id":"other","names":["other"]},{"id":"$ID","names":["box"],"image":"d7af","layer":"67b0",
    "metadata":"{\"image-name\":\"quay.io/shop/miner:v1\",\"image-id\":\"d7af\",\"name\":\"box\",\"created-at\":1711141194}",
    "created":"2024-03-22T20:59:54.5Z","flags":{"MountLabel":""}}]"#;

#[test]
fn podman_is_read_where_the_container_is_whose() {
    let told = "podman box quay.io/shop/miner:v1 - -";
    let root = "/machine.slice/libpod-$ID.scope";
    let user = "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-$ID.scope/container";
    for list in [
        "overlay-containers/containers.json",
        "overlay-containers/volatile-containers.json",
        "vfs-containers/containers.json",
    ] {
        let of_root = Host::new().with(&format!("/var/lib/containers/storage/{list}"), PODMAN);
        assert_eq!(of_root.tells(root), told, "{list}");
        assert_eq!(of_root.tells(user), "podman - - - -", "a user's container is none of root's");
    }
    let euid = rustix::process::geteuid().as_raw();
    let user = user.replace("1000", &euid.max(1).to_string());
    let path = "/home/alice/.local/share/containers/storage/overlay-containers/containers.json";
    let of_user = Host::new().with(path, PODMAN);
    assert_eq!(of_user.tells(root), "podman - - - -", "root's container is none of a user's");
    // As root this file is root's, and a user's is refused; as a user it is the user's own.
    let expected = if euid == 0 { "podman - - - -" } else { told };
    assert_eq!(
        (of_user.tells(&user).as_str(), of_user.containers.refused()),
        (expected, u64::from(euid == 0))
    );
}

#[test]
fn a_users_own_podman_is_read() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let path = "/home/alice/.local/share/containers/storage/overlay-containers/containers.json";
    let host = Host::new().with(path, PODMAN);
    std::os::unix::fs::chown(host.path(path), Some(1000), None).unwrap();
    let user = "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-$ID.scope";
    assert_eq!(host.tells(user), "podman box quay.io/shop/miner:v1 - -");
}

#[test]
fn machines_are_named_and_nothing_else_is_opened() {
    let record = "# This is private data. Do not parse.\nNAME=web\nSCOPE=machine-web.scope\nSERVICE=systemd-nspawn\n\
        ROOT=/var/lib/machines/web\nLEADER=77\nCLASS=container\n";
    let host = Host::new().with("/run/systemd/machines/web", record).with("/run/systemd/x", "ROOT=/secret");
    assert_eq!(
        host.tells("/machine.slice/machine-web.scope/payload"),
        "nspawn web /var/lib/machines/web - -"
    );
    assert_eq!(host.tells("/machine.slice/machine-a\\x2f..\\x2fx.scope"), "nspawn a/../x - - -");
    assert_eq!(host.tells("/machine.slice/machine-..\\x2fx.scope"), "nspawn ../x - - -");
    assert_eq!(host.tells("/lxc.payload.web/init.scope"), "lxc web - - -");
    assert_eq!(host.tells("/garden/70eb4ce5-a065-4401-6990-88ed"), "garden - - - -");
    assert_eq!(host.tells("/kubepods/pod1/$ID"), "nothing");
    assert_eq!(host.containers.refused(), 0);
}

#[test]
fn hostile_and_half_written_files_are_refused_and_counted() {
    let path = "/var/lib/docker/containers/$ID/config.v2.json";
    let large = format!("{}{}", DOCKER, " ".repeat(usize::try_from(state::CAP).unwrap()));
    for (case, content) in [
        ("empty", ""),
        ("half", &DOCKER[..200]),
        ("another container's", &DOCKER.replace("$ID", "other")),
        ("an array", "[]"),
        ("wrong kinds", r#"{"ID":"$ID","Name":7}"#),
        ("twice", r#"{"ID":"$ID","ID":"$ID"}"#),
        ("deep", &"[".repeat(200_000)),
        ("deep inside", &format!("{{\"ID\":{}", "{\"a\":".repeat(200_000))),
        ("large", &large),
    ] {
        let host = Host::new().with(path, content);
        assert_eq!(host.tells("/docker/$ID"), "docker - - - -", "{case}");
        assert_eq!(host.containers.refused(), 1, "{case}");
    }
    let host = Host::new().with(path, "");
    fs::write(host.path(path), b"{\"ID\":\"\xff\xfe").unwrap();
    assert_eq!((host.tells("/docker/$ID").as_str(), host.containers.refused()), ("docker - - - -", 1));
}

#[test]
fn only_regular_files_of_the_right_owner_below_the_root_are_opened() {
    let path = "/var/lib/docker/containers/$ID/config.v2.json";
    let fifo = Host::new().with(path, "");
    fs::remove_file(fifo.path(path)).unwrap();
    rustix::fs::mknodat(CWD, fifo.path(path), FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert_eq!((fifo.tells("/docker/$ID").as_str(), fifo.containers.refused()), ("docker - - - -", 1));

    // A link that leaves the root ends inside of it, where there is nothing.
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), DOCKER.replace("$ID", ID)).unwrap();
    let link = Host::new().with(path, "");
    fs::remove_file(link.path(path)).unwrap();
    symlink(outside.path(), link.path(path)).unwrap();
    assert_eq!(link.tells("/docker/$ID"), "docker - - - -");

    // An administrator's link to another disk is followed.
    let moved = Host::new().with("/data/docker/containers/$ID/config.v2.json", DOCKER).with("/var/lib/x", "");
    symlink("/data/docker", moved.path("/var/lib/docker")).unwrap();
    assert_eq!(moved.tells("/docker/$ID"), "docker shop-miner-1 shop/miner:v1 - -");

    let mut other = Host::new().with(path, DOCKER);
    other.containers.superuser += 1;
    assert_eq!((other.tells("/docker/$ID").as_str(), other.containers.refused()), ("docker - - - -", 1));
}

#[test]
fn answers_are_kept_for_a_while_also_empty_ones() {
    let path = "/var/lib/docker/containers/$ID/config.v2.json";
    let host = Host::new();
    let key = (None, Engine::Docker, ID.to_owned());
    assert_eq!(host.tells("/docker/$ID"), "docker - - - -");
    let host = host.with(path, DOCKER);
    assert_eq!(host.tells("/docker/$ID"), "docker - - - -", "not asked again so soon");
    let now = Instant::now();
    assert!(host.containers.kept(&key, now + NOTHING).is_none(), "asked again");
    host.containers.known.lock().unwrap().clear();
    assert_eq!(host.tells("/docker/$ID"), "docker shop-miner-1 shop/miner:v1 - -");
    assert!(host.containers.kept(&key, now + NOTHING).is_some(), "a name is kept for longer");
    assert!(host.containers.kept(&key, Instant::now() + FRESH).is_none());
    for n in 0..KEPT.get() + 10 {
        host.of(&format!("/docker/{n:064x}"));
    }
    assert_eq!(host.containers.known.lock().unwrap().len(), KEPT.get());
}

/// A process that watches over a container.
#[derive(Clone)]
struct Monitor {
    files: HashMap<&'static str, Vec<u8>>,
    cwd: PathBuf,
}

impl Monitor {
    fn boxed(uid: u32, cgroup: &str, cwd: PathBuf, args: &str) -> Box<dyn ProcDir> {
        let status = format!(
            "Name:\ta\nState:\tS\nTgid:\t7\nPid:\t7\nPPid:\t3\nTracerPid:\t0\nUid:\t{uid}\t1\t2\t3\nGid:\t9\t9\t9\t9\n\
             FDSize:\t64\nGroups:\t\nThreads:\t1\nSigQ:\t0/1\nSigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\nSigCgt:\t0\n\
             CapInh:\t0\nCapPrm:\t0\nCapEff:\t0\n"
        );
        let cgroup = format!("0::{}\n", cgroup.replace("$ID", ID));
        let files = [
            ("status", status.into_bytes()),
            ("cgroup", cgroup.into_bytes()),
            ("cmdline", args.replace("$ID", ID).into()),
        ];
        Box::new(Self { files: files.into(), cwd })
    }
}

impl ProcDir for Monitor {
    fn read(&self, file: &str, cap: usize) -> io::Result<Vec<u8>> {
        let content = self.files.get(file).ok_or(io::ErrorKind::NotFound)?;
        Ok(content.iter().take(cap).copied().collect())
    }

    fn link(&self, _: &str) -> io::Result<PathBuf> {
        Ok(self.cwd.clone())
    }

    fn exe(&self) -> io::Result<OwnedFd> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn in_root(&self, path: &Path) -> io::Result<OwnedFd> {
        Ok(openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
    }
}

#[test]
fn a_monitor_leads_to_state_in_any_folder() {
    let euid = rustix::process::geteuid().as_raw();
    let host = Host::new()
        .with("/odd/containers/$ID/config.v2.json", DOCKER)
        .with("/graph/overlay-containers/$ID/userdata/config.json", "{\"annotations\":{}}")
        .with("/graph/overlay-containers/containers.json", PODMAN);
    let source = host.path("/odd/containers/$ID/hostname");
    let bundle =
        format!("{{\"mounts\":[{{\"source\":\"proc\"}},{{}},{{\"source\":\"{}\"}}]}}", source.display());
    let host = host.with("/exec/moby/$ID/config.json", &bundle);
    let lead = place::read(&format!("0::/docker/{ID}")).1.unwrap();
    let tells = |monitor: Box<dyn ProcDir>| {
        host.containers.known.lock().unwrap().clear();
        let asked = Cell::new(0);
        let monitors = || {
            asked.set(asked.get() + 1);
            vec![monitor]
        };
        let told = host.containers.of(&lead, |_| None, monitors);
        assert_eq!(asked.get(), 1);
        told.map(|told| format!("{} {}", told.engine, told.name.unwrap_or_default())).unwrap_or_default()
    };
    let shim = |uid, cgroup, cwd: &str| Monitor::boxed(uid, cgroup, host.path(cwd), "");
    assert_eq!(
        tells(shim(euid, "/system.slice/containerd.service", "/exec/moby/$ID")),
        "docker shop-miner-1"
    );
    assert_eq!(tells(shim(euid, "/docker/$ID/x", "/exec/moby/$ID")), "docker ", "it runs inside");
    assert_eq!(tells(shim(euid + 1, "/", "/exec/moby/$ID")), "docker ", "another user's");
    assert_eq!(tells(shim(euid, "/", "/exec/moby")), "docker ", "another container's");

    let args = format!(
        "/usr/bin/conmon\0-c\0$ID\0-b\0{}\0-n\0box\0",
        host.path("/graph/overlay-containers/$ID/userdata").display()
    );
    assert_eq!(
        tells(Monitor::boxed(euid, "/machine.slice/libpod-conmon-$ID.scope", "/".into(), &args)),
        "podman box"
    );
    assert_eq!(tells(Monitor::boxed(euid, "/", "/".into(), "conmon\0-b")), "docker ");
    assert!(is_monitor("containerd-shim") && is_monitor("conmon") && !is_monitor("bash"));
}
