//! Successful execve.
//!
//! `tp_btf/sched_process_exec`: `TP_PROTO(struct task_struct *p, pid_t old_pid, struct linux_binprm *bprm)`, the
//! same from 5.5 to 6.18 (include/trace/events/sched.h). One hook sees execve, execveat, memfds and execs of
//! non-leader threads; credentials, `self_exec_id` and the argument area are already the new ones.
use core::{hint::black_box, mem::MaybeUninit};

use aya_ebpf::{
    bindings::BPF_RB_NO_WAKEUP,
    helpers::generated::{bpf_get_current_cgroup_id, bpf_probe_read_user},
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use aya_log_ebpf::debug;
use monitor_ebpf::{
    event::{Exec, Kind, LONG_STRING, NO_STRING},
    limits,
    stats::Counter,
};

use crate::{
    emit::{self, Urgency},
    maps::count,
    read::{member, offset, pointer},
    scope,
    strings::Strings,
    task,
};

/// Bytes of strings, and of arguments, in the smaller records; in the largest [`limits::ARGV`].
const SMALL: usize = 256;
const MIDDLE: usize = 1024;
const _: () = assert!(limits::ARGV == limits::STRINGS, "the largest record has one number for both");

/// A record with room for `M` bytes of strings and as many of arguments, packed; `M` is a power of two.
#[repr(C)]
struct Record<const M: usize> {
    head: Exec,
    strings: [u8; M],
    rest: [u8; M],
}

/// What is executed: the task, its `struct linux_binprm`, and its argument area.
struct Subject {
    task: u64,
    bprm: u64,
    argv: u64,
    argv_size: u64,
}

/// Why a record was not filled.
enum Failure {
    /// A larger one may hold it.
    Full,
    /// The kernel's structures could not be read.
    Fault,
}

#[btf_tracepoint(function = "sched_process_exec")]
fn exec(ctx: BtfTracePointContext) -> i32 {
    if try_exec(&ctx).is_none() {
        count(Counter::TaskFault);
        debug!(&ctx, "exec: the task's structures could not be read");
    }
    0
}

#[inline(always)]
fn try_exec(ctx: &BtfTracePointContext) -> Option<()> {
    let (task, bprm): (u64, u64) = (ctx.arg(0), ctx.arg(2));
    if !scope::covers(task)? {
        count(Counter::Outside);
        return Some(());
    }
    let mm = pointer(task, offset!(task_mm))?;
    let argv: u64 = member(mm, offset!(mm_arg_start))?;
    let argv_size = member::<u64>(mm, offset!(mm_arg_end))?.saturating_sub(argv);
    let subject = Subject { task, bprm, argv, argv_size };
    // Three sizes: most command lines and paths are short, and the ring is small on purpose. A record that turns out
    // too small is given back, and the next size tried.
    if argv_size <= SMALL as u64
        && let Some(done) = record::<SMALL>(&subject, false)
    {
        return done;
    }
    if argv_size <= MIDDLE as u64
        && let Some(done) = record::<MIDDLE>(&subject, false)
    {
        return done;
    }
    record::<{ limits::ARGV }>(&subject, true).unwrap_or(Some(()))
}

/// Writes a record of this size; `None` when a larger one is needed. In the `last` size, strings that do not fit are
/// left out.
#[inline(always)]
fn record<const M: usize>(subject: &Subject, last: bool) -> Option<Option<()>> {
    let Some(mut entry) = emit::reserve::<Record<M>>(Kind::Exec) else {
        return Some(Some(())); // counted
    };
    match fill(&mut entry, subject, last) {
        Ok(()) => {
            emit::submit(entry, Kind::Exec, Urgency::Ordinary);
            Some(Some(()))
        }
        Err(failure) => {
            entry.discard(u64::from(BPF_RB_NO_WAKEUP));
            if matches!(failure, Failure::Full) { None } else { Some(None) }
        }
    }
}

#[inline(always)]
fn fill<const M: usize>(
    entry: &mut MaybeUninit<Record<M>>,
    subject: &Subject,
    last: bool,
) -> Result<(), Failure> {
    // SAFETY: the entry spans one record of plain integers. The head is zeroed first (a ring holds old bytes);
    // the tail is written by helpers, and only `header.tail` bytes of it are ever read.
    let (head, tail) = unsafe {
        let record = entry.as_mut_ptr();
        (&raw mut (*record).head).write_bytes(0, 1);
        (&mut (*record).head, (&raw mut (*record).strings).cast::<u8>())
    };
    // SAFETY: `strings` and `rest` lie one behind the other, `2 * M` bytes; the header is the record's too.
    let strings = unsafe { Strings::<M>::new(tail, &raw mut head.header.tail) };
    if add_strings(&strings, head, tail, subject).ok_or(Failure::Fault)? {
        if !last {
            return Err(Failure::Full);
        }
        if head.filename_size == LONG_STRING {
            strings.cut_first(&mut head.filename_size);
        }
    }
    let kept = copy_argv::<M>(tail, strings.end(), subject);
    // SAFETY: no preconditions.
    let cgroup = unsafe { bpf_get_current_cgroup_id() };
    task::describe(subject.task, cgroup, &mut head.task).ok_or(Failure::Fault)?;
    add_file(head, subject.bprm).ok_or(Failure::Fault)?;
    head.argv_size = subject.argv_size as u32;
    head.header = emit::header(Kind::Exec, strings.end() + kept);
    Ok(())
}

/// Whether one did not fit. One that cannot be read is left out.
#[inline(always)]
fn add_strings<const M: usize>(
    strings: &Strings<M>,
    head: &mut Exec,
    tail: *const u8,
    subject: &Subject,
) -> Option<bool> {
    let filename = pointer(subject.bprm, offset!(bprm_filename))?;
    let interpreter = pointer(subject.bprm, offset!(bprm_interpreter))?;
    let file = pointer(subject.bprm, offset!(bprm_file))?;
    [head.filename_size, head.interpreter_size, head.path_size, head.directory_size] = [NO_STRING; 4];
    strings.string(filename, &mut head.filename_size);
    // The very same string unless a script or a handler for binary formats put its own there.
    if interpreter != filename {
        strings.string(interpreter, &mut head.interpreter_size);
    }
    strings.path(file + u64::from(offset!(file_path)), &mut head.path_size);
    // SAFETY: the first byte of the record's tail.
    let relative = unsafe { tail.read_volatile() } != b'/';
    if relative && let Some(fs) = pointer(subject.task, offset!(task_fs)) {
        strings.path(fs + u64::from(offset!(fs_directory)), &mut head.directory_size);
    }
    let sizes = [
        &raw const head.filename_size,
        &raw const head.interpreter_size,
        &raw const head.path_size,
        &raw const head.directory_size,
    ];
    // SAFETY: members of a record that is there. Volatile: see `strings.rs`.
    Some(sizes.iter().any(|size| unsafe { size.read_volatile() } == LONG_STRING))
}

/// What identifies the file that runs, and tells one content from another.
#[inline(always)]
fn add_file(head: &mut Exec, bprm: u64) -> Option<()> {
    let inode = pointer(pointer(bprm, offset!(bprm_file))?, offset!(file_inode))?;
    head.inode = member(inode, offset!(inode_number))?;
    head.links = member(inode, offset!(inode_links))?;
    head.device = member(pointer(inode, offset!(inode_super))?, offset!(super_device))?;
    head.size = member(inode, offset!(inode_size)).unwrap_or(0);
    head.changed = member(inode, offset!(inode_changed)).unwrap_or(0);
    head.changed_nanos = member(inode, offset!(inode_changed_nanos)).unwrap_or(0);
    Some(())
}

/// Copies the argument area behind the strings, which end below `M`; says how many bytes are valid.
#[inline(always)]
fn copy_argv<const M: usize>(tail: *mut u8, end: u32, subject: &Subject) -> u32 {
    if subject.argv_size == 0 {
        return 0;
    }
    let kept = if subject.argv_size > M as u64 { M as u32 } else { subject.argv_size as u32 };
    // The masks keep the bounds where the verifier sees them: LLVM drops plain comparisons.
    let size = (black_box(kept.wrapping_sub(1)) & (M as u32 - 1)) + 1;
    let end = black_box(end) & (M as u32 - 1);
    // SAFETY: `end` is below `M` and `size` at most `M`, of `2 * M` bytes; the helper checks the source.
    let failed =
        unsafe { bpf_probe_read_user(tail.add(end as usize).cast(), size, subject.argv as *const _) } != 0;
    if failed {
        count(Counter::ArgvFault);
        return 0;
    }
    size
}
