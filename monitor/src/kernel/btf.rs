//! Offsets of structure members, from the running kernel's BTF.
//!
//! Owns a reader of the BTF wire format (Documentation/bpf/btf.rst): just structures, unions and what wraps
//! them. aya 0.14 finds types by name but keeps members to itself. Must not know what an offset is used for.
use std::collections::HashMap;

use anyhow::{Context as _, bail, ensure};
use monitor_ebpf::tunables::{ABSENT, Offsets};
use zerocopy::FromBytes as _;

/// Where the kernel shows its own BTF.
pub const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
/// Longest chain of modifiers and anonymous members followed; the kernel's own are below ten.
const DEPTH: u32 = 32;

/// Kinds of types, include/uapi/linux/btf.h.
mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const VOLATILE: u32 = 9;
    pub(super) const CONST: u32 = 10;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
}

/// A kernel's types.
pub struct Btf<'a> {
    bytes: &'a [u8],
    strings: usize,
    /// Position of each type by id.
    types: Vec<usize>,
    /// Id by name, structures only; the first definition wins.
    structures: HashMap<&'a [u8], u32>,
}

/// A type's header: name, kind, count of what follows, and its size or the type it refers to.
struct Head {
    name: u32,
    kind: u32,
    count: usize,
    flag: bool,
    size_or_type: u32,
}

impl<'a> Btf<'a> {
    /// Reads the type section.
    ///
    /// # Errors
    /// When `bytes` are not BTF in native byte order, or are cut.
    pub fn parse(bytes: &'a [u8]) -> anyhow::Result<Self> {
        let magic = bytes.get(..2).and_then(|b| u16::read_from_bytes(b).ok());
        ensure!(magic == Some(MAGIC), "not BTF: the magic number is wrong");
        let [header, types_at, types_size, strings_at] = [4, 8, 12, 16].map(|at| word(bytes, at));
        let (header, types_at) = (header? as usize, types_at? as usize);
        let (types_size, strings_at) = (types_size? as usize, strings_at? as usize);
        let mut btf =
            Self { bytes, strings: header + strings_at, types: vec![0], structures: HashMap::new() };
        let mut at = header + types_at;
        let end = at + types_size;
        while at < end {
            let head = btf.head(at)?;
            let id = u32::try_from(btf.types.len()).context("too many types")?;
            btf.types.push(at);
            if head.kind == kind::STRUCT && head.name != 0 {
                btf.structures.entry(btf.string(head.name)?).or_insert(id);
            }
            at += 12 + head.trailer()?;
        }
        Ok(btf)
    }

    fn head(&self, at: usize) -> anyhow::Result<Head> {
        let info = word(self.bytes, at + 4)?;
        Ok(Head {
            name: word(self.bytes, at)?,
            kind: (info >> 24) & 0x1f,
            count: (info & 0xffff) as usize,
            flag: info >> 31 != 0,
            size_or_type: word(self.bytes, at + 8)?,
        })
    }

    fn string(&self, offset: u32) -> anyhow::Result<&'a [u8]> {
        let rest = self.bytes.get(self.strings + offset as usize..).context("BTF is cut")?;
        Ok(rest.split(|&b| b == 0).next().unwrap_or_default())
    }

    fn at(&self, id: u32) -> anyhow::Result<Head> {
        self.head(*self.types.get(id as usize).context("BTF refers to a type that it lacks")?)
    }

    /// Byte offset of `path` (members joined by dots; anonymous structures are looked through) in a structure;
    /// `None` when this kernel has no such structure or member.
    ///
    /// # Errors
    /// When the BTF is damaged.
    pub fn offset(&self, structure: &str, path: &str) -> anyhow::Result<Option<u32>> {
        let Some(&id) = self.structures.get(structure.as_bytes()) else {
            return Ok(None);
        };
        let (mut id, mut bits) = (id, 0);
        for name in path.split('.') {
            match self.member(id, name.as_bytes(), DEPTH)? {
                Some((offset, of)) => (bits, id) = (bits + offset, of),
                None => return Ok(None),
            }
        }
        Ok(Some(bits / 8))
    }

    /// Bit offset and type of a member.
    fn member(&self, id: u32, name: &[u8], depth: u32) -> anyhow::Result<Option<(u32, u32)>> {
        if depth == 0 {
            bail!("BTF nests too deeply");
        }
        let head = self.at(id)?;
        if head.is_modifier() {
            return self.member(head.size_or_type, name, depth - 1);
        }
        if head.kind != kind::STRUCT && head.kind != kind::UNION {
            return Ok(None);
        }
        let first = self.types.get(id as usize).copied().unwrap_or_default() + 12;
        for index in 0..head.count {
            let at = first + index * 12;
            let (own, of, offset) =
                (word(self.bytes, at)?, word(self.bytes, at + 4)?, word(self.bytes, at + 8)?);
            // With the flag set the top byte is the width of a bit-field.
            let offset = if head.flag { offset & 0x00ff_ffff } else { offset };
            if own != 0 {
                if self.string(own)? == name {
                    return Ok(Some((offset, of)));
                }
            } else if let Some((inner, found)) = self.member(of, name, depth - 1)? {
                return Ok(Some((offset + inner, found)));
            }
        }
        Ok(None)
    }
}

impl Head {
    fn is_modifier(&self) -> bool {
        matches!(self.kind, kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG)
    }

    /// Bytes between this header and the next.
    fn trailer(&self) -> anyhow::Result<usize> {
        Ok(match self.kind {
            kind::INT | kind::VAR | kind::DECL_TAG => 4,
            kind::ARRAY => 12,
            kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => 12 * self.count,
            kind::ENUM | kind::FUNC_PROTO => 8 * self.count,
            0 | 20.. => bail!("BTF has a kind of type that is not known: {}", self.kind),
            _ => 0,
        })
    }
}

fn word(bytes: &[u8], at: usize) -> anyhow::Result<u32> {
    let slice = bytes.get(at..at + 4).context("BTF is cut")?;
    u32::read_from_bytes(slice).map_err(|_| anyhow::anyhow!("BTF is cut"))
}

/// Every offset that the programs use, and the names of those that this kernel lacks.
///
/// # Errors
/// When the BTF is damaged.
pub fn offsets(btf: &Btf<'_>) -> anyhow::Result<(Offsets, Vec<String>)> {
    let mut values = Vec::with_capacity(Offsets::MEMBERS.len());
    let mut absent = Vec::new();
    for (_, structure, paths) in Offsets::MEMBERS {
        let mut found = None;
        for path in *paths {
            found = found.or(btf.offset(structure, path)?);
        }
        if found.is_none() {
            absent.push(format!("{structure}.{}", paths.first().unwrap_or(&"")));
        }
        values.push(found.unwrap_or(ABSENT));
    }
    let offsets = Offsets::read_from_bytes(zerocopy::IntoBytes::as_bytes(values.as_slice()))
        .map_err(|_| anyhow::anyhow!("the table of members does not match the structure"))?;
    Ok((offsets, absent))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Types: 1 int, 2 struct inner { int b @32 }, 3 struct outer { int a; struct inner <anonymous> @64 },
    /// 4 const 3, 5 struct top { const outer o @128 }.
    fn sample() -> Vec<u8> {
        let size_of = |count: usize| u32::try_from(count).unwrap();
        let strings = b"\0int\0inner\0b\0outer\0a\0top\0o\0";
        let name = |s: &str| {
            let needle = format!("\0{s}\0");
            size_of(strings.windows(needle.len()).position(|w| w == needle.as_bytes()).unwrap()) + 1
        };
        let info = |kind: u32, count: u32| kind << 24 | count;
        let types: Vec<u32> = [
            vec![name("int"), info(kind::INT, 0), 4, 32],
            vec![name("inner"), info(kind::STRUCT, 1), 8, name("b"), 1, 32],
            vec![name("outer"), info(kind::STRUCT, 2), 16, name("a"), 1, 0, 0, 2, 64],
            vec![0, info(kind::CONST, 0), 3],
            vec![name("top"), info(kind::STRUCT, 1), 32, name("o"), 4, 128],
        ]
        .concat();
        let size = size_of(types.len()) * 4;
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        for value in [24, 0, size, size, size_of(strings.len())].iter().chain(&types) {
            bytes.extend(value.to_ne_bytes());
        }
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn members_are_found_through_anonymous_structures_and_modifiers() {
        let bytes = sample();
        let btf = Btf::parse(&bytes).unwrap();
        assert_eq!(btf.offset("outer", "a").unwrap(), Some(0));
        assert_eq!(btf.offset("outer", "b").unwrap(), Some(12));
        assert_eq!(btf.offset("top", "o.b").unwrap(), Some(28));
        assert_eq!(btf.offset("top", "o.c").unwrap(), None);
        assert_eq!(btf.offset("nothing", "a").unwrap(), None);
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let bytes = sample();
        for end in 0..bytes.len() {
            if let Ok(btf) = Btf::parse(&bytes[..end]) {
                let _ = btf.offset("top", "o.b");
            }
        }
        assert!(Btf::parse(b"ELF").is_err());
    }

    #[test]
    fn this_kernel_has_every_member() {
        let Ok(bytes) = std::fs::read(VMLINUX) else {
            eprintln!("skipped: this kernel shows no BTF");
            return;
        };
        let (offsets, absent) = offsets(&Btf::parse(&bytes).unwrap()).unwrap();
        assert_eq!(absent, Vec::<String>::new());
        assert!(offsets.task_tgid > offsets.task_pid);
    }
}
