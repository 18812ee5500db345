//! What the loader tells the programs before they are verified: the frozen globals.
//!
//! Owns names and types. Each value is a constant to the verifier. Must not know where a value comes from
//! (`monitor::kernel::btf` reads the running kernel's BTF).
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Name of the global that holds [`Offsets`].
pub const OFFSETS: &str = "OFFSETS";
/// Name of the global (`u32`) that holds the inode number of the agent's PID namespace.
pub const PID_NAMESPACE: &str = "PID_NAMESPACE";
/// Name of the global that holds [`Watched`].
pub const WATCHED: &str = "WATCHED";
/// Offset of a member that this kernel does not have; readers check before they use it.
pub const ABSENT: u32 = u32::MAX;

/// Deepest level of a cgroup below the hierarchy's root that is looked for where its level is not known.
pub const LEVELS: u32 = 16;

/// The cgroup whose processes are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Watched {
    /// Its id, the inode number of its folder; 0 for the whole host.
    pub cgroup: u64,
    /// Its level below the hierarchy's root; where that is not known, the first that is looked at.
    pub first: u32,
    /// The last that is looked at.
    pub last: u32,
    /// 1: a cgroup knows its ancestors by pointer (`ancestors`, since 6.1); 0: by id (`ancestor_ids`, since 4.18).
    pub pointers: u32,
    /// No padding.
    pub reserved: u32,
}

impl Watched {
    /// The whole host.
    pub const ALL: Self = Self { cgroup: 0, first: 0, last: 0, pointers: 0, reserved: 0 };
}

macro_rules! offsets {
    ($($(#[$doc:meta])* $field:ident: $structure:literal $($path:literal)|+,)*) => {
        /// Byte offsets of kernel structure members, from the running kernel's BTF.
        #[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub struct Offsets {
            $(#[doc = concat!("In `struct ", $structure, "`.")] $(#[$doc])* pub $field: u32,)*
        }

        impl Offsets {
            /// No offset known.
            pub const ABSENT: Self = Self { $($field: ABSENT,)* };

            /// Field name, structure, and the member paths to try, newest first.
            pub const MEMBERS: &'static [(&'static str, &'static str, &'static [&'static str])] =
                &[$((stringify!($field), $structure, &[$($path),+]),)*];
        }
    };
}

offsets! {
    task_tgid: "task_struct" "tgid",
    task_pid: "task_struct" "pid",
    task_flags: "task_struct" "flags",
    task_leader: "task_struct" "group_leader",
    task_parent: "task_struct" "real_parent",
    /// `real_start_time` before 5.5.
    task_start: "task_struct" "start_boottime" | "real_start_time",
    task_generation: "task_struct" "self_exec_id",
    task_loginuid: "task_struct" "loginuid",
    task_session: "task_struct" "sessionid",
    task_mm: "task_struct" "mm",
    task_cred: "task_struct" "cred",
    task_nsproxy: "task_struct" "nsproxy",
    task_thread_pid: "task_struct" "thread_pid",
    task_signal: "task_struct" "signal",
    task_exit_code: "task_struct" "exit_code",
    task_comm: "task_struct" "comm",
    task_fs: "task_struct" "fs",
    task_cgroups: "task_struct" "cgroups",
    /// Of the cgroup2 hierarchy.
    css_set_cgroup: "css_set" "dfl_cgrp",
    cgroup_level: "cgroup" "level",
    /// Pointers since 6.1, ids before.
    cgroup_ancestors: "cgroup" "ancestors" | "ancestor_ids",
    cgroup_node: "cgroup" "kn",
    node_id: "kernfs_node" "id",
    signal_live: "signal_struct" "live",
    signal_tty: "signal_struct" "tty",
    tty_name: "tty_struct" "name",
    cred_uid: "cred" "uid",
    cred_euid: "cred" "euid",
    cred_gid: "cred" "gid",
    cred_userns: "cred" "user_ns",
    mm_arg_start: "mm_struct" "arg_start",
    mm_arg_end: "mm_struct" "arg_end",
    nsproxy_net: "nsproxy" "net_ns",
    nsproxy_mount: "nsproxy" "mnt_ns",
    nsproxy_cgroup: "nsproxy" "cgroup_ns",
    nsproxy_ipc: "nsproxy" "ipc_ns",
    nsproxy_uts: "nsproxy" "uts_ns",
    net_inum: "net" "ns.inum",
    mount_inum: "mnt_namespace" "ns.inum",
    cgroup_inum: "cgroup_namespace" "ns.inum",
    ipc_inum: "ipc_namespace" "ns.inum",
    uts_inum: "uts_namespace" "ns.inum",
    user_inum: "user_namespace" "ns.inum",
    pid_level: "pid" "level",
    pid_numbers: "pid" "numbers",
    upid_number: "upid" "nr",
    upid_namespace: "upid" "ns",
    pidns_inum: "pid_namespace" "ns.inum",
    bprm_file: "linux_binprm" "file",
    bprm_filename: "linux_binprm" "filename",
    bprm_interpreter: "linux_binprm" "interp",
    file_inode: "file" "f_inode",
    file_path: "file" "f_path",
    fs_directory: "fs_struct" "pwd",
    path_mount: "path" "mnt",
    path_dentry: "path" "dentry",
    dentry_parent: "dentry" "d_parent",
    dentry_name: "dentry" "d_name.name",
    mount_parent: "mount" "mnt_parent",
    mount_point: "mount" "mnt_mountpoint",
    mount_shown: "mount" "mnt",
    mount_root: "vfsmount" "mnt_root",
    inode_number: "inode" "i_ino",
    inode_links: "inode" "i_nlink",
    inode_super: "inode" "i_sb",
    inode_size: "inode" "i_size",
    /// Two members since 6.11, `__i_ctime` since 6.6.
    inode_changed: "inode" "i_ctime_sec" | "__i_ctime.tv_sec" | "i_ctime.tv_sec",
    /// Its nanoseconds.
    inode_changed_nanos: "inode" "i_ctime_nsec" | "__i_ctime.tv_nsec" | "i_ctime.tv_nsec",
    super_device: "super_block" "s_dev",
    socket_sock: "socket" "sk",
    sock_family: "sock" "__sk_common.skc_family",
    sock_state: "sock" "__sk_common.skc_state",
    sock_local_port: "sock" "__sk_common.skc_num",
    sock_local_v4: "sock" "__sk_common.skc_rcv_saddr",
    sock_local_v6: "sock" "__sk_common.skc_v6_rcv_saddr",
    sock_remote_port: "sock" "__sk_common.skc_dport",
    sock_remote_v4: "sock" "__sk_common.skc_daddr",
    sock_remote_v6: "sock" "__sk_common.skc_v6_daddr",
    /// A bit-field before 5.6.
    sock_protocol: "sock" "sk_protocol",
}
