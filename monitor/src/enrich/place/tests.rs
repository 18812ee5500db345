//! What is read from the paths of the table, and from odd ones.
use super::*;
use table::TABLE;

mod table;

const ID: &str = "3f4b1d0c9e8a7766554433221100ffeeddccbbaa99887766554433221100abcd";
const OTHER: &str = "00000d0c9e8a7766554433221100ffeeddccbbaa99887766554433221100abcd";

fn fact(expected: &str, name: &str) -> Option<String> {
    expected.split(' ').find_map(|fact| Some(fact.strip_prefix(name)?.strip_prefix('=')?.to_owned()))
}

#[test]
fn reads_lines_of_real_hosts() {
    for (source, lines, expected) in TABLE {
        let fill = |text: &str| text.replace("ID", ID).replace("OTHER", OTHER);
        let (lines, expected) = (fill(lines), fill(expected));
        let unified =
            || lines.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or_default().to_owned();
        let expected = Place {
            cgroup: fact(&expected, "cgroup").unwrap_or_else(unified),
            unit: fact(&expected, "unit"),
            slice: fact(&expected, "slice"),
            session: fact(&expected, "session"),
            container: fact(&expected, "container"),
            pod: fact(&expected, "pod"),
            job: fact(&expected, "job"),
        };
        assert_eq!(place(&lines), expected, "{source}: {lines}");
    }
}

#[test]
fn an_id_has_64_hexadecimal_digits() {
    for bad in
        [&ID[1..], &format!("{ID}0"), &ID.to_uppercase(), &format!("x{ID}"), &ID.replace('a', "g"), "é"]
    {
        assert_eq!(place(&format!("0::/docker/{bad}")).container, None, "{bad}");
    }
}

#[test]
fn a_lead_names_the_engine_and_whose_word_it_is() {
    let lead =
        |path: &str| read(&format!("0::{}", path.replace("ID", ID))).1.map(|lead| (lead.engine, lead.user));
    for (path, expected) in [
        ("/docker/ID", Some((Engine::Docker, None))),
        ("/system.slice/docker-ID.scope", Some((Engine::Docker, None))),
        ("/machine.slice/libpod-ID.scope", Some((Engine::Podman, None))),
        ("/kubepods/pod1/ID", Some((Engine::Unknown, None))),
        ("/kubepods-pod1.slice:cri-containerd:ID", Some((Engine::Containerd, None))),
        ("/a.slice/crio-ID.scope", Some((Engine::CriO, None))),
        ("/lxc/web", Some((Engine::Lxc, None))),
        ("/user.slice/user-7.slice/user@7.service/docker-ID.scope", Some((Engine::Docker, Some(7)))),
        ("/system.slice/ssh.service", None),
    ] {
        assert_eq!(lead(path), expected, "{path}");
    }
    let (_, named) = read("0::/machine.slice/machine-web.scope");
    let named = named.unwrap();
    assert_eq!((named.id(), named.name()), (None, Some("web")));
}

#[test]
fn the_key_outlives_a_restart_and_tells_jobs_apart() {
    let key = |path: &str| place(&format!("0::{}", path.replace("ID", ID))).key().to_owned();
    assert_eq!(key("/system.slice/docker-ID.scope/a.service"), ID);
    assert_eq!(key("/system.slice/a.service"), "a.service");
    assert_eq!(key("/x"), "/x");
    // The kubelet gives a container that crashed a new id in the same pod.
    assert_eq!(key("/kubepods/pod1-2/ID"), "1-2");
    assert_eq!(key("/kubepods/pod1-2"), "1-2");
    let step = |job, step| key(&format!("/system.slice/slurmstepd.scope/job_{job}/step_{step}/user/task_0"));
    assert_ne!(step(1, 0), step(2, 0), "all jobs share a scope");
    assert_eq!(step(1, 0), step(1, 7), "the steps of a job are one place");
    assert_eq!(key("/pbs_jobs.service/jobs/7.a.example"), "pbs:7.a.example");
    assert_eq!(key("/system.slice/slurmstepd.scope/job_7/step_0/user/task_0/libpod-ID"), ID);
}

#[test]
fn no_path_is_too_odd() {
    const PARTS: &[&str] = &[
        "/",
        ":",
        "::",
        "0::/",
        "1:name=systemd:",
        "job_",
        "uid_1",
        "slurm",
        "_slurmstepd.scope",
        "-pod",
        ".slice",
        ".scope",
        "kubepods",
        "lxc",
        "ecs",
        "condor_",
        "_slot",
        "\\x",
        "é",
        "user@",
        ".service",
        "session-",
        "docker-",
        ID,
        "\n",
        "-",
        "1",
    ];
    arbtest::arbtest(|source| {
        let mut lines = String::new();
        for _ in 0..source.int_in_range(0..=24)? {
            lines.push_str(source.choose(PARTS)?);
        }
        lines.push_str(source.arbitrary()?);
        let (place, lead) = read(&lines);
        assert_eq!(lead.is_some(), place.container.is_some());
        assert!(lead.is_none_or(|lead| lead.id().is_none_or(|id| id.len() == 64 && !id.contains('/'))));
        Ok(())
    });
}
