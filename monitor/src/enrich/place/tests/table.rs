//! Paths of real hosts, each with where it was published; ids are filled in.

/// Source, lines (`ID` and `OTHER` filled in), and every fact that is told; a fact that is not named must be
/// absent. The cgroup is the v2 path where none is named.
pub(super) const TABLE: &[(&str, &str, &str)] = &[
    // systemd
    ("a kernel thread", "0::/", ""),
    ("systemd, file-hierarchy of PID 1", "0::/init.scope", "unit=init.scope"),
    ("systemd.slice(5)", "0::/system.slice/ssh.service", "unit=ssh.service slice=system.slice"),
    (
        "systemd, getty@.service",
        "0::/system.slice/system-getty.slice/getty@tty1.service",
        "unit=getty@tty1.service slice=system-getty.slice",
    ),
    (
        "logind, sd-login(3)",
        "0::/user.slice/user-1000.slice/session-c3.scope",
        "unit=session-c3.scope slice=user-1000.slice session=c3",
    ),
    (
        "gnome-terminal under systemd --user",
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
        "unit=vte-spawn-1.scope slice=app-org.gnome.Terminal.slice",
    ),
    (
        "systemd-run --user sleep 600, Debian 12",
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-u12.service",
        "unit=run-u12.service slice=app.slice",
    ),
    (
        "systemd-run --user --scope, Debian 12",
        "0::/user.slice/user-1000.slice/user@1000.service/run-r8a7b.scope",
        "unit=run-r8a7b.scope slice=user-1000.slice",
    ),
    ("systemd", "0::/user.slice", "slice=user.slice"),
    (
        "go.elastic.co/apm, cgroup_test.go (session on a hybrid host)",
        "12:devices:/user.slice\n6:pids:/user.slice/user-1000.slice/session-2.scope\n5:rdma:/\n\
         1:name=systemd:/user.slice/user-1000.slice/session-2.scope\n0::/user.slice/user-1000.slice/session-2.scope",
        "unit=session-2.scope slice=user-1000.slice session=2",
    ),
    // Docker
    (
        "Docker, systemd driver on v2",
        "0::/system.slice/docker-ID.scope",
        "unit=docker-ID.scope slice=system.slice container=ID",
    ),
    (
        "Docker with systemd inside",
        "0::/system.slice/docker-ID.scope/system.slice/nginx.service",
        "unit=nginx.service slice=system.slice container=ID",
    ),
    (
        "go.elastic.co/apm, cgroup_test.go (cgroupfs driver, hybrid)",
        "12:devices:/docker/ID\n5:rdma:/\n1:name=systemd:/docker/ID\n0::/system.slice/docker.service",
        "unit=docker.service slice=system.slice container=ID",
    ),
    (
        "Docker 20.10 of Debian 12, cgroupfs driver on a hybrid host",
        "9:name=systemd:/docker/ID\n0::/docker/ID",
        "container=ID",
    ),
    ("neuvector, cgroup_test.go (Debian 8)", "9:perf_event:/ID\n2:cpu:/ID", "cgroup=/ID container=ID"),
    ("Docker in Docker, cgroupfs driver", "0::/docker/OTHER/docker/ID", "container=ID"),
    (
        "Docker Desktop, docker/for-mac issues",
        "13:name=systemd:/docker-ce/docker/ID\n4:blkio:/docker-ce/docker/ID",
        "cgroup=/docker-ce/docker/ID container=ID",
    ),
    (
        "BuildKit, a step of `docker build`",
        "0::/docker/buildkit/n4eu0udvbz9vfzjy71jkvgkwh",
        "container=n4eu0udvbz9vfzjy71jkvgkwh",
    ),
    // Podman
    (
        "Podman rootless, systemd driver, inside (`--cgroups=split` makes `container`)",
        "0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
        "unit=libpod-ID.scope slice=user.slice container=ID",
    ),
    (
        "Podman as root",
        "0::/machine.slice/libpod-ID.scope",
        "unit=libpod-ID.scope slice=machine.slice container=ID",
    ),
    ("Podman, cgroupfs driver, containers/podman issues", "0::/libpod_parent/libpod-ID", "container=ID"),
    (
        "Podman's monitor",
        "0::/machine.slice/libpod-conmon-ID.scope",
        "unit=libpod-conmon-ID.scope slice=machine.slice",
    ),
    // Kubernetes
    (
        "containerd, systemd driver",
        "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod72f7f152_440c_66ac_9084_e0fc1d8a910c.slice/cri-containerd-ID.scope",
        "unit=cri-containerd-ID.scope slice=kubepods-burstable-pod72f7f152_440c_66ac_9084_e0fc1d8a910c.slice container=ID \
         pod=72f7f152-440c-66ac-9084-e0fc1d8a910c",
    ),
    (
        "SPIRE, k8s workload attestor's test (containerd that does not know of the systemd driver)",
        "9:cpuset:/kubepods-besteffort-pod72f7f152_440c_66ac_9084_e0fc1d8a910c.slice:cri-containerd:ID",
        "cgroup=/kubepods-besteffort-pod72f7f152_440c_66ac_9084_e0fc1d8a910c.slice:cri-containerd:ID container=ID \
         pod=72f7f152-440c-66ac-9084-e0fc1d8a910c",
    ),
    (
        "OpenTelemetry Java, the same below containerd's unit",
        "11:devices:/system.slice/containerd.service/kubepods-pod87a18a64_b74a_454a_b10b_a4a36059d0a3.slice:cri-containerd:ID\n0::/",
        "cgroup=/system.slice/containerd.service/kubepods-pod87a18a64_b74a_454a_b10b_a4a36059d0a3.slice:cri-containerd:ID \
         unit=containerd.service slice=system.slice container=ID pod=87a18a64-b74a-454a-b10b-a4a36059d0a3",
    ),
    (
        "go.elastic.co/apm, cgroup_test.go (CRI-O)",
        "1:name=systemd:/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod90d81341_92de_11e7_8cf2_507b9d4141fa.slice/crio-ID.scope",
        "cgroup=/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod90d81341_92de_11e7_8cf2_507b9d4141fa.slice/crio-ID.scope \
         unit=crio-ID.scope slice=kubepods-burstable-pod90d81341_92de_11e7_8cf2_507b9d4141fa.slice container=ID \
         pod=90d81341-92de-11e7-8cf2-507b9d4141fa",
    ),
    (
        "CRI-O with crun",
        "0::/kubepods.slice/kubepods-pod1_2.slice/crio-ID.scope/container",
        "unit=crio-ID.scope slice=kubepods-pod1_2.slice container=ID pod=1-2",
    ),
    (
        "CRI-O's monitor",
        "0::/kubepods.slice/kubepods-pod1_2.slice/crio-conmon-ID.scope",
        "unit=crio-conmon-ID.scope slice=kubepods-pod1_2.slice pod=1-2",
    ),
    (
        "Qard/container-info, result.js (cgroupfs driver)",
        "11:devices:/kubepods/besteffort/pod74c13223-5a00-11e9-b385-42010a80018d/ID",
        "cgroup=/kubepods/besteffort/pod74c13223-5a00-11e9-b385-42010a80018d/ID container=ID \
         pod=74c13223-5a00-11e9-b385-42010a80018d",
    ),
    (
        "go.elastic.co/apm, cgroup_test.go (nested kubepods, guaranteed pod)",
        "12:pids:/kubepods/kubepods/besteffort/pod0e886e9a-3879-45f9-b44d-86ef9df03224/ID\n10:cpuset:/kubepods/pod5eadac96/ID",
        "cgroup=/kubepods/kubepods/besteffort/pod0e886e9a-3879-45f9-b44d-86ef9df03224/ID container=ID \
         pod=0e886e9a-3879-45f9-b44d-86ef9df03224",
    ),
    (
        "go.elastic.co/apm, cgroup_test.go (a runtime that names containers by a UUID)",
        "0::/kubepods/besteffort/pode9b90526-f47d-11e8-b2a5-080027b9f4fb/15aa6e53-b09a-40c7-8558-c6c31e36c88a",
        "container=15aa6e53-b09a-40c7-8558-c6c31e36c88a pod=e9b90526-f47d-11e8-b2a5-080027b9f4fb",
    ),
    (
        "kind, a static pod (its uid is a digest) below the node's own container",
        "0::/docker/OTHER/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-podc704ef4c297ab11032b83ce52cbfc87b.slice/cri-containerd-ID.scope",
        "unit=cri-containerd-ID.scope slice=kubelet-kubepods-burstable-podc704ef4c297ab11032b83ce52cbfc87b.slice container=ID \
         pod=c704ef4c297ab11032b83ce52cbfc87b",
    ),
    ("no pod without kubepods", "0::/podman/pod1/x.service", "unit=x.service"),
    // Others
    (
        "Amazon ECS, go.elastic.co/apm, cgroup_test.go",
        "3:cpuacct:/ecs/eb9d3d0c-8936-42d7-80d8-f82b2f1a629e/ID",
        "cgroup=/ecs/eb9d3d0c-8936-42d7-80d8-f82b2f1a629e/ID container=ID",
    ),
    (
        "Amazon ECS on Fargate, dd-trace",
        "1:name=systemd:/ecs/34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
        "cgroup=/ecs/34dc0b5e626f2c5c4c5170e34b10e765-1234567890 container=34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
    ),
    (
        "Amazon ECS on Fargate 1.4, dd-trace",
        "0::/ecs/34dc0b5e626f2c5c4c5170e34b10e765/34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
        "container=34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
    ),
    (
        "Cloud Foundry, go.elastic.co/apm, cgroup_test.go",
        "10:freezer:/garden/70eb4ce5-a065-4401-6990-88ed\n1:name=systemd:/system.slice/garden.service/garden/70eb4ce5-a065-4401-6990-88ed",
        "cgroup=/system.slice/garden.service/garden/70eb4ce5-a065-4401-6990-88ed unit=garden.service slice=system.slice \
         container=70eb4ce5-a065-4401-6990-88ed",
    ),
    ("LXC on v1", "0::/lxc/web1", "container=web1"),
    (
        "Proxmox VE",
        "0::/lxc/100/ns/system.slice/cron.service",
        "unit=cron.service slice=system.slice container=100",
    ),
    ("LXC 4, LXD, Incus", "0::/lxc.payload.web1/init.scope", "unit=init.scope container=web1"),
    (
        "LXD, a container of a project",
        "0::/lxc.payload.web_web1/x.service",
        "unit=x.service container=web_web1",
    ),
    ("LXC with lxc.cgroup.dir", "0::/lxc.payload/web1", "container=web1"),
    ("LXC's monitor", "0::/lxc.monitor.web1", ""),
    (
        "systemd-nspawn by machinectl",
        "0::/machine.slice/machine-my\\x2dbox.scope/payload",
        "unit=machine-my\\x2dbox.scope slice=machine.slice container=my-box",
    ),
    (
        "systemd-nspawn@.service",
        "0::/machine.slice/systemd-nspawn@web.service/payload/system.slice/x.service",
        "unit=x.service slice=system.slice container=web",
    ),
    (
        "libvirt, a virtual machine",
        "0::/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
        "unit=machine-qemu\\x2d1\\x2dvm.scope slice=machine.slice",
    ),
    // Batch jobs
    (
        "Slurm, NordicHPC/sonar, a node on 2025-03-13",
        "0::/system.slice/slurmstepd.scope/job_1392969/step_0/user/task_0",
        "unit=slurmstepd.scope slice=system.slice job=slurm:1392969.0",
    ),
    (
        "Slurm built for several slurmd, treydock/cgroup_exporter issue 30",
        "0::/system.slice/node7_slurmstepd.scope/job_42/step_batch/user/task_special",
        "unit=node7_slurmstepd.scope slice=system.slice job=slurm:42.batch",
    ),
    (
        "Slurm, pam_slurm_adopt",
        "0::/system.slice/slurmstepd.scope/job_42/step_extern/user",
        "unit=slurmstepd.scope slice=system.slice job=slurm:42.extern",
    ),
    (
        "Slurm's own monitor of steps",
        "0::/system.slice/slurmstepd.scope/system",
        "unit=slurmstepd.scope slice=system.slice",
    ),
    (
        "Slurm with cgroup/v1, NordicHPC/sonar",
        "10:devices:/slurm/uid_2101171/job_280678/step_interactive/task_0",
        "cgroup=/slurm/uid_2101171/job_280678/step_interactive/task_0 job=slurm:280678.interactive",
    ),
    (
        "Slurm with cgroup/v1 on a hybrid host; SchedMD/slurm PR 8 names the folder of several slurmd",
        "12:memory:/slurm_node7/uid_1/job_123\n3:cpu,cpuacct:/slurm_node7/uid_1/job_123/step_batch/task_0\n0::/system.slice/slurmd.service",
        "unit=slurmd.service slice=system.slice job=slurm:123",
    ),
    (
        "a container of Podman in a Slurm job",
        "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0/libpod-ID",
        "unit=slurmstepd.scope slice=system.slice container=ID job=slurm:7.0",
    ),
    (
        "OpenPBS, an oom-kill line",
        "4:memory:/pbs_jobs.service/jobid/2404743.opbs",
        "cgroup=/pbs_jobs.service/jobid/2404743.opbs unit=pbs_jobs.service job=pbs:2404743.opbs",
    ),
    (
        "OpenPBS on v2, an array's member",
        "0::/pbs_jobs.service/jobs/12345[1].pbs",
        "unit=pbs_jobs.service job=pbs:12345[1].pbs",
    ),
    (
        "Torque, ubccr/supremm PR 150",
        "11:hugetlb:/\n8:memory:/torque/24.pitzer-batch.ten.osc.edu\n1:name=systemd:/system.slice/pbs_mom.service",
        "cgroup=/system.slice/pbs_mom.service unit=pbs_mom.service slice=system.slice job=torque:24.pitzer-batch.ten.osc.edu",
    ),
    (
        "HTCondor's manual",
        "4:memory:/htcondor/condor_var_lib_condor_execute_slot1",
        "cgroup=/htcondor/condor_var_lib_condor_execute_slot1 job=htcondor:slot1",
    ),
    (
        "HTCondor 23 on v2",
        "0::/system.slice/htcondor/condor_var_lib_condor_execute_slot1_23@wn1.example",
        "slice=system.slice job=htcondor:slot1_23@wn1.example",
    ),
    (
        "a user's folder is no job",
        "0::/user.slice/user-1000.slice/user@1000.service/job_1/step_0",
        "unit=user@1000.service slice=user-1000.slice",
    ),
    // Odd ones
    (
        "a private container of a build service",
        "9:name=systemd:/\n8:pids:/\n4:memory:/agents/fce9\n0::/",
        "cgroup=/agents/fce9",
    ),
    (
        "a cgroup that was removed",
        "0::/system.slice/gone.service (deleted)",
        "cgroup=/system.slice/gone.service unit=gone.service slice=system.slice",
    ),
    (
        "systemd escapes what the kernel could take",
        "0::/_cpu.slice/_cpu.service",
        "unit=cpu.service slice=cpu.slice",
    ),
    ("above the root of a cgroup namespace", "0::/../../a:c/x.service", "unit=x.service"),
    ("hostile", "0::/.slice/.service/.scope/session-.scope", "unit=session-.scope"),
    (
        "hostile",
        "0::/machine-\\xff\\xzz\\x.scope",
        "unit=machine-\\xff\\xzz\\x.scope container=\\xff\\xzz\\x",
    ),
    ("hostile", "", "cgroup="),
    ("hostile", "garbage\n1:2", "cgroup="),
];
