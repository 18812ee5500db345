//! What an interpreter was told to run, from its arguments.
//!
//! Owns the option syntax of the interpreters. Pure. Must not know files. An interpreter under another name is not
//! recognised; then the digest of the executable is all the identity there is.

/// What an interpreter runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script<'a> {
    /// A file, as named in the argument: may be relative to the working directory.
    File(&'a [u8]),
    /// Code in an argument.
    Code(&'a [u8]),
}

/// How one interpreter reads its options. Short options may be joined: `-uc code`.
struct Language {
    /// File names of the interpreter without version.
    names: &'static [&'static str],
    /// The value is code.
    code: &'static str,
    /// The value is the script's file.
    file: &'static str,
    /// What runs is neither a file nor code in an argument.
    other: &'static str,
    /// The value, attached or next, is of no interest.
    valued: &'static str,
    /// The value can only be attached.
    attached: &'static str,
    /// Digits may be attached, and further options after them.
    digits: &'static str,
    /// Whole arguments.
    long_code: &'static [&'static str],
    long_file: &'static [&'static str],
    long_other: &'static [&'static str],
    long_valued: &'static [&'static str],
    /// `-c` is a flag and the first argument that is no option is the code.
    shell: bool,
    /// The first argument that is no option must end so to be a file.
    suffix: &'static [u8],
}

const PLAIN: Language = Language {
    names: &[],
    code: "",
    file: "",
    other: "",
    valued: "",
    attached: "",
    digits: "",
    long_code: &[],
    long_file: &[],
    long_other: &[],
    long_valued: &[],
    shell: false,
    suffix: b"",
};

static LANGUAGES: [Language; 7] = [
    Language {
        names: &["python", "pypy"],
        code: "c",
        other: "m",
        valued: "WXQ",
        long_valued: &["--check-hash-based-pycs"],
        ..PLAIN
    },
    Language { names: &["perl"], code: "eE", valued: "I", attached: "MmFiCDxdV", digits: "0l", ..PLAIN },
    Language { names: &["ruby"], code: "e", valued: "IrCE", attached: "KWTFix", digits: "0", ..PLAIN },
    Language {
        names: &["node", "nodejs"],
        code: "ep",
        valued: "rC",
        long_code: &["--eval", "--print", "-pe"],
        long_valued: &["--require", "--import", "--loader", "--experimental-loader", "--conditions"],
        ..PLAIN
    },
    Language {
        names: &["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash"],
        other: "s",
        valued: "oO",
        long_valued: &["--rcfile", "--init-file"],
        shell: true,
        ..PLAIN
    },
    Language { names: &["php"], code: "r", file: "f", other: "StB", valued: "dcz", ..PLAIN },
    Language { names: &["lua", "luajit"], code: "e", valued: "lj", attached: "Ob", ..PLAIN },
];

static JAVA: Language = Language {
    long_file: &["-jar"],
    long_other: &["-m", "--module"],
    long_valued: &[
        "-cp",
        "-classpath",
        "--class-path",
        "-p",
        "--module-path",
        "--add-modules",
        "--add-opens",
        "--add-exports",
        "--add-reads",
    ],
    suffix: b".java",
    ..PLAIN
};

/// What runs, when `exe` (a file name without its folder) is an interpreter.
pub(super) fn script<'a>(exe: &str, args: &[&'a [u8]]) -> Option<Script<'a>> {
    let base = exe.split(|c: char| c.is_ascii_digit() || c == '-').next()?;
    let (_, args) = args.split_first()?;
    match base {
        "java" => JAVA.read(args),
        "busybox" => None,
        _ => LANGUAGES.iter().find(|language| language.names.contains(&base))?.read(args),
    }
}

/// The name that tells what runs: busybox is what its first argument says.
pub(super) fn applet<'a, 'b>(exe: &'a str, args: &'b [&'a [u8]]) -> (&'a str, &'b [&'a [u8]]) {
    let name =
        |arg: &'a [u8]| std::str::from_utf8(arg.rsplit(|byte| *byte == b'/').next().unwrap_or(arg)).ok();
    match args {
        [first, rest @ ..] if exe.starts_with("busybox") => match (name(first), rest) {
            (Some(applet), [second, ..]) if applet.starts_with("busybox") => {
                (name(second).unwrap_or(exe), rest)
            }
            (Some(applet), _) => (applet, args),
            (None, _) => (exe, args),
        },
        _ => (exe, args),
    }
}

/// What one argument says.
enum Said<'a> {
    Nothing,
    SkipNext,
    CodeNext,
    FileNext,
    ShellCode,
    Is(Option<Script<'a>>),
}

impl Language {
    fn read<'a>(&self, args: &[&'a [u8]]) -> Option<Script<'a>> {
        let mut args = args.iter().copied();
        let mut shell_code = false;
        while let Some(arg) = args.next() {
            match self.option(arg) {
                Some(Said::Nothing) => {}
                Some(Said::SkipNext) => drop(args.next()),
                Some(Said::CodeNext) => return args.next().map(Script::Code),
                Some(Said::FileNext) => return args.next().map(Script::File),
                Some(Said::ShellCode) => shell_code = true,
                Some(Said::Is(script)) => return script,
                None => {
                    let arg = if arg == b"--" { args.next()? } else { arg };
                    return match shell_code {
                        true => Some(Script::Code(arg)),
                        false => (!arg.is_empty() && arg.ends_with(self.suffix)).then_some(Script::File(arg)),
                    };
                }
            }
        }
        None
    }

    /// `None` when the argument is no option, or ends the options.
    fn option<'a>(&self, arg: &'a [u8]) -> Option<Said<'a>> {
        let text = std::str::from_utf8(arg).ok();
        let is_in = |names: &[&str]| text.is_some_and(|text| names.contains(&text));
        match arg {
            b"--" => None,
            b"-" => Some(Said::Is(None)),
            _ if is_in(self.long_code) => Some(Said::CodeNext),
            _ if is_in(self.long_file) => Some(Said::FileNext),
            _ if is_in(self.long_other) => Some(Said::Is(None)),
            _ if is_in(self.long_valued) => Some(Said::SkipNext),
            [b'-', b'-', rest @ ..] => Some(self.long_with_value(rest)),
            [b'-', flags @ ..] => Some(self.flags(flags)),
            [b'+', flags @ ..] if self.shell => Some(self.flags(flags)),
            _ => None,
        }
    }

    /// `--eval=code`.
    fn long_with_value<'a>(&self, rest: &'a [u8]) -> Said<'a> {
        let code = rest.iter().position(|byte| *byte == b'=').and_then(|equals| {
            let (name, value) = rest.split_at_checked(equals)?;
            let known = self.long_code.iter().any(|long| long.as_bytes().strip_prefix(b"--") == Some(name));
            known.then(|| value.strip_prefix(b"=")).flatten()
        });
        code.map_or(Said::Nothing, |code| Said::Is(Some(Script::Code(code))))
    }

    /// Joined short options.
    fn flags<'a>(&self, flags: &'a [u8]) -> Said<'a> {
        let mut rest = flags;
        let mut said = Said::Nothing;
        while let [flag, tail @ ..] = rest {
            let flag = char::from(*flag);
            rest = tail;
            let joined = !tail.is_empty();
            match flag {
                'c' if self.shell => said = Said::ShellCode,
                _ if self.code.contains(flag) && joined => return Said::Is(Some(Script::Code(tail))),
                _ if self.code.contains(flag) => return Said::CodeNext,
                _ if self.file.contains(flag) && joined => return Said::Is(Some(Script::File(tail))),
                _ if self.file.contains(flag) => return Said::FileNext,
                _ if self.other.contains(flag) => return Said::Is(None),
                _ if self.valued.contains(flag) => return if joined { said } else { Said::SkipNext },
                _ if self.attached.contains(flag) => return said,
                _ if self.digits.contains(flag) => {
                    while let [b'0'..=b'9', tail @ ..] = rest {
                        rest = tail;
                    }
                }
                _ => {}
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Command line (words divided by `|`), then the expected script: `file:`, `code:` or `-`.
    const TABLE: &[(&str, &str, &str)] = &[
        ("python3.11", "python3|miner.py|-c|x", "file:miner.py"),
        ("python3", "python3|-u|-W|ignore|-Xdev|/opt/a b.py", "file:/opt/a b.py"),
        ("python3", "python3|-Iuc|import x|y", "code:import x"),
        ("python3", "python3|-cimport x", "code:import x"),
        ("python3", "python3|-m|http.server|8000", "-"),
        ("python3", "python3|-", "-"),
        ("python3", "python3|--|-x.py", "file:-x.py"),
        ("python3", "python3", "-"),
        ("python3", "python3|-c", "-"),
        ("python3", "python3|", "-"),
        ("pypy3", "pypy3|--jit|x|a.py", "file:x"),
        ("perl", "perl|-w|-I|lib|-Mstrict|a.pl", "file:a.pl"),
        ("perl5.36.0", "perl|-lane|print", "code:print"),
        ("perl", "perl|-l012ne|print", "code:print"),
        ("perl", "perl|-pi.bak|-e|s/a/b/|f", "code:s/a/b/"),
        ("ruby3.1", "ruby|-rjson|-I|lib|a.rb", "file:a.rb"),
        ("ruby", "ruby|-e|puts 1", "code:puts 1"),
        ("node", "node|--max-old-space-size=1|-r|x|a.js|-e", "file:a.js"),
        ("nodejs", "node|--eval=1+1", "code:1+1"),
        ("node", "node|-pe|1+1", "code:1+1"),
        ("bash", "bash|./a.sh|-c", "file:./a.sh"),
        ("dash", "/bin/sh|/usr/local/bin/x", "file:/usr/local/bin/x"),
        ("bash", "-bash", "-"),
        ("bash", "bash|-lc|exec x|name", "code:exec x"),
        ("bash", "bash|-c|-e|--|exec x", "code:exec x"),
        ("bash", "bash|-o|pipefail|+o|nounset|-eux|a.sh", "file:a.sh"),
        ("bash", "bash|--rcfile|r|-i", "-"),
        ("bash", "bash|-s|a.sh", "-"),
        ("zsh", "zsh|a.zsh", "file:a.zsh"),
        ("php8.2", "php|-d|a=b|-f|a.php", "file:a.php"),
        ("php", "php|-r|echo 1;", "code:echo 1;"),
        ("php", "php|-S|localhost:80|router.php", "-"),
        ("lua5.4", "lua|-l|json|a.lua", "file:a.lua"),
        ("luajit-2.1.0", "luajit|-e|print(1)", "code:print(1)"),
        ("java", "java|-Xmx1g|-cp|a:b|-jar|/opt/x.jar|-p", "file:/opt/x.jar"),
        ("java", "java|-cp|a:b|org.example.Main", "-"),
        ("java", "java|Main.java", "file:Main.java"),
        ("java", "java|-m|a/b", "-"),
        ("busybox", "busybox|sh|a.sh", "file:a.sh"),
        ("busybox.static", "sh|-c|x", "code:x"),
        ("busybox", "/bin/sh|a.sh", "file:a.sh"),
        ("busybox", "busybox", "-"),
        ("xmrig", "xmrig|-c|config.json", "-"),
        ("node_exporter", "node_exporter|x", "-"),
        ("", "", "-"),
    ];

    #[test]
    fn finds_what_interpreters_run() {
        for (exe, line, expected) in TABLE {
            let args: Vec<&[u8]> = line.split('|').map(str::as_bytes).collect();
            let (name, args) = applet(exe, &args);
            let found = match script(name, args) {
                Some(Script::File(path)) => format!("file:{}", String::from_utf8_lossy(path)),
                Some(Script::Code(code)) => format!("code:{}", String::from_utf8_lossy(code)),
                None => "-".to_owned(),
            };
            assert_eq!(found, *expected, "{exe}: {line}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_names_too() {
        assert_eq!(script("python3", &[b"python3", b"\xff.py"]), Some(Script::File(b"\xff.py")));
        assert_eq!(script("python3", &[b"python3", b"-\xff", b"a"]), Some(Script::File(b"a")));
        assert_eq!(script("python3", &[]), None);
    }
}
