//! The same rules on the memory of programs that run.
use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt as _,
    path::Path,
    process::{Child, Command},
    time::Duration,
};

use boreal::{
    Compiler, Scanner,
    memory::{FragmentedMemory, MemoryParams, Region, RegionDescription},
    scanner::{FragmentedScanMode, ScanParams},
};
use minewarden_tests::{elf::Program, marks::marks, wait};

use super::{bundled, found, program};

/// The key of packed programs.
const KEY: u8 = 0x5c;

/// What a process has mapped, as (address, bytes).
#[derive(Debug)]
struct Mapped(Vec<(usize, Vec<u8>)>, Option<usize>);

impl FragmentedMemory for Mapped {
    fn next(&mut self, _: &MemoryParams) -> Option<RegionDescription> {
        let at = self.1.map_or(0, |at| at + 1);
        let (start, bytes) = self.0.get(at)?;
        self.1 = Some(at);
        Some(RegionDescription { start: *start, length: bytes.len() })
    }

    fn fetch(&mut self, _: &MemoryParams) -> Option<Region<'_>> {
        let (start, bytes) = self.0.get(self.1?)?;
        Some(Region { start: *start, mem: bytes })
    }

    fn reset(&mut self) {
        self.1 = None;
    }
}

/// Ends the program by its pid.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Every readable mapping but the kernel's own.
fn mapped(pid: u32) -> Mapped {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let read = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(end - start).ok()?];
        let own = rest.starts_with('r') && !rest.contains("[v");
        (own && memory.read_exact_at(&mut bytes, start).is_ok())
            .then_some((usize::try_from(start).ok()?, bytes))
    };
    Mapped(maps.lines().filter_map(read).collect(), None)
}

/// Starts it and waits until it does nothing but wait itself.
fn start(path: &Path) -> Running {
    // Another test's fork may hold the file open for writing for a moment.
    let spawn = || match Command::new(path).spawn() {
        Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => None,
        other => Some(Running(other.unwrap())),
    };
    let child = wait::until("nobody to write to the program", Duration::from_secs(10), spawn).unwrap();
    let status = format!("/proc/{}/syscall", child.0.id());
    // 34 is pause(2): what was packed is unpacked by then.
    let waits = || fs::read_to_string(&status).ok()?.starts_with("34 ").then_some(());
    wait::until("the program to wait", Duration::from_secs(10), waits).unwrap();
    child
}

fn scanners() -> Vec<Scanner> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor/assets/rules");
    [FragmentedScanMode::fast(), FragmentedScanMode::single_pass(), FragmentedScanMode::legacy()]
        .into_iter()
        .map(|mode| {
            let mut compiler = Compiler::new();
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let space = path.display().to_string();
                compiler.add_rules_file_in_namespace(&path, &space).unwrap();
            }
            let mut scanner = compiler.finalize();
            let params = ScanParams::default().process_memory(true).fragmented_scan_mode(mode);
            scanner.set_scan_params(params);
            scanner
        })
        .collect()
}

fn found_in(scanner: &Scanner, memory: Mapped) -> Vec<String> {
    scanner.scan_fragmented(memory).unwrap().rules.iter().map(|rule| rule.name.to_owned()).collect()
}

#[test]
#[cfg(target_arch = "x86_64")]
fn a_packed_program_is_nothing_in_its_file_and_found_in_its_memory() {
    let catalog = bundled();
    let scanners = scanners();
    for marked in marks().unwrap() {
        let packed = Program { packed: Some(KEY), ..Program::new(marked.enough(0)) };
        let (directory, path) = program(&packed.bytes());
        assert_eq!(found(&catalog, &packed.bytes()), [""; 0], "{}", marked.rule);
        assert!(packed.bytes().windows(4).any(|window| window == b"UPX!"));
        let running = start(&path);
        // Deleted after the start, as some do.
        drop(directory);
        for scanner in &scanners {
            assert_eq!(found_in(scanner, mapped(running.0.id())), [marked.rule.as_str()]);
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn one_mark_short_is_nothing_in_memory_too() {
    let scanners = scanners();
    for marked in marks().unwrap().into_iter().take(5) {
        let packed = Program { packed: Some(KEY), ..Program::new(marked.one_short(0)[0].clone()) };
        let (_directory, path) = program(&packed.bytes());
        let running = start(&path);
        for scanner in &scanners {
            assert_eq!(found_in(scanner, mapped(running.0.id())), [""; 0], "{}", marked.rule);
        }
    }
}

#[test]
#[cfg(target_arch = "x86_64")]
fn the_file_is_read_through_proc_though_it_is_deleted() {
    let catalog = bundled();
    let marked = &marks().unwrap()[0];
    let (directory, path) = program(&Program::new(marked.enough(0)).bytes());
    let running = start(&path);
    drop(directory);
    let bytes = fs::read(format!("/proc/{}/exe", running.0.id())).unwrap();
    assert_eq!(found(&catalog, &bytes), [marked.rule.as_str()]);
}
