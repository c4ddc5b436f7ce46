//! The process that runs cells: the same executable, started again by evcxr.
//!
//! It speaks evcxr's own protocol (a line `LOAD_AND_RUN <file> <function>` on standard input, a
//! line `EVCXR_EXECUTION_COMPLETE` on standard output), but not on the user's own streams: before
//! anything else it hands evcxr's pipe to the kernel and puts fresh pipes in the places of standard
//! output and error, whose other ends go to the kernel as well. So the kernel sees every byte of
//! the user's output, in order, also after a crash, and tells evcxr only what evcxr must know.
//! Standard input is empty for the user's code: the commands cannot be eaten by it.

use std::convert::Infallible;
use std::ffi::{CString, OsStr, c_char, c_int, c_void};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use ironsage_exchange::wire::{Reply, Request, receive, send};

/// Set by evcxr for the process that runs cells.
const IS_CHILD: &str = "EVCXR_IS_RUNTIME";
/// Set for the same process by the kernel: where it listens.
pub(crate) const SOCKET: &str = "IRONSAGE_CELLS_SOCKET";
/// The prelude's library, and the standard library that it needs.
pub(crate) const PRELUDE: &str = "IRONSAGE_CELLS_PRELUDE";
pub(crate) const LIBSTD: &str = "IRONSAGE_CELLS_LIBSTD";
/// The kernel's process id, and the user's own choice of `RUST_BACKTRACE`, which evcxr overrides.
pub(crate) const KERNEL: &str = "IRONSAGE_CELLS_KERNEL";
pub(crate) const BACKTRACE: &str = "IRONSAGE_CELLS_BACKTRACE";
/// Where evcxr works; it can be told in no other way.
const EVCXR_FOLDER: &str = "EVCXR_TMPDIR";
const EVCXR_CONFIG: &str = "EVCXR_CONFIG_DIR";
/// Where rust-analyzer looks for the sources of the standard library.
const LIBRARY: &str = "RUST_SRC_PATH";

/// How the process ends when it could not begin.
const CANNOT_START: i32 = 98;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The first statement of `main` in every executable that runs Rust cells.
///
/// In the process that runs cells, and where evcxr uses the executable as a wrapper of rustc, this
/// does not return. In the kernel it prepares what evcxr reads from the environment: a folder of
/// this process's own (`EVCXR_TMPDIR`; evcxr offers no other way, and two notebooks must not share
/// one), a standard library without anything in it for rust-analyzer to read (`RUST_SRC_PATH`: a first
/// cell right after the kernel's start ends after 1.5 s instead of 6.5 s), and a `PATH` on which cargo
/// is found when Jupyter was started from a desktop. The environment may be changed only while a program has one thread, so this must come first.
pub fn runtime_hook() {
    if std::env::var_os(IS_CHILD).is_some() && std::env::var_os(SOCKET).is_some() {
        let error = match run() {
            Ok(never) => match never {},
            Err(error) => error,
        };
        #[expect(
            clippy::print_stderr,
            reason = "evcxr shows the standard error of a child that did not start"
        )]
        {
            eprintln!("the process for Rust cells could not start: {error}");
        }
        #[expect(clippy::exit, reason = "the process exists only for the loop that ended")]
        std::process::exit(CANNOT_START);
    }
    evcxr::runtime_hook();
    prepare_environment();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the first thing that main does, before any other thread: see `runtime_hook`"
)]
fn prepare_environment() {
    // SAFETY: this is the first thing that main does, so there is no other thread yet.
    unsafe {
        std::env::set_var(EVCXR_FOLDER, crate::folder::evcxr_folder());
        // The user's own configuration of evcxr could name a folder that all notebooks share.
        std::env::set_var(EVCXR_CONFIG, crate::folder::evcxr_folder());
        // To read the standard library costs rust-analyzer five seconds of the first cell and over 400 MB (about 500 MB
        // after a cell with Polars instead of 62), and tells it what the type pass and the index know already.
        std::env::set_var(LIBRARY, crate::folder::library_folder());
    }
    if crate::toolchain::on_path("cargo").is_some() {
        return;
    }
    let Some(folder) = cargo_folder().filter(|folder| folder.join("cargo").is_file()) else {
        return;
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([folder]);
    if let Ok(path) = std::env::join_paths(folders) {
        // SAFETY: as above.
        unsafe { std::env::set_var("PATH", path) };
    }
}

fn cargo_folder() -> Option<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()?.join(".cargo"),
    };
    Some(home.join("bin"))
}

fn run() -> io::Result<Infallible> {
    die_with_kernel()?;
    let variable = |name: &str| std::env::var_os(name).ok_or_else(|| io::Error::other(format!("{name} is not set")));
    let socket = UnixStream::connect(variable(SOCKET)?)?;
    let (libstd, prelude) = (variable(LIBSTD)?, variable(PRELUDE)?);
    clean_environment();
    let commands = take_over_streams(&socket)?;
    let prelude = Prelude::load(&libstd, &prelude)?;
    listen_for_interrupts()?;
    // SAFETY: the socket is given away; the flag is a static.
    unsafe { (prelude.start)(socket.into_raw_fd(), &raw const INTERRUPTED) };
    for line in BufReader::new(commands).lines() {
        let line = line?;
        // The file may lie in a folder with a blank in its name.
        let Some((file, function)) = line
            .strip_prefix("LOAD_AND_RUN ")
            .and_then(|rest| rest.rsplit_once(' '))
        else {
            return Err(io::Error::other(format!("unknown command `{line}`")));
        };
        prelude.run(file, function)?;
    }
    #[expect(
        clippy::exit,
        reason = "the kernel closed the command pipe: it is done with this process"
    )]
    std::process::exit(0);
}

/// The kernel may be killed: this process must not outlive it.
fn die_with_kernel() -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let kernel = std::env::var(KERNEL).ok().and_then(|id| id.parse().ok());
    let parent = rustix::process::getppid().map(|parent| parent.as_raw_nonzero().get());
    if kernel.is_some() && kernel != parent {
        return Err(io::Error::other("the kernel has gone"));
    }
    Ok(())
}

/// Programs that a cell starts must not take themselves for this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the process has one thread still: see `runtime_hook`"
)]
fn clean_environment() {
    let backtrace = std::env::var_os(BACKTRACE);
    for name in [
        IS_CHILD,
        SOCKET,
        PRELUDE,
        LIBSTD,
        KERNEL,
        BACKTRACE,
        EVCXR_FOLDER,
        EVCXR_CONFIG,
        LIBRARY,
    ] {
        // SAFETY: no other thread exists yet; see `runtime_hook`.
        unsafe { std::env::remove_var(name) };
    }
    // SAFETY: as above.
    unsafe {
        match backtrace {
            Some(wanted) => std::env::set_var("RUST_BACKTRACE", wanted),
            None => std::env::remove_var("RUST_BACKTRACE"),
        }
    }
}

/// Gives evcxr's pipe and the read ends of two new ones to the kernel; returns where commands come
/// from.
fn take_over_streams(socket: &UnixStream) -> io::Result<File> {
    let control = io::stdout().as_fd().try_clone_to_owned()?;
    let commands = io::stdin().as_fd().try_clone_to_owned()?;
    let (stdout_end, stdout) = io::pipe()?;
    let (stderr_end, stderr) = io::pipe()?;
    let ends = [control.as_fd(), stdout_end.as_fd(), stderr_end.as_fd()];
    send(socket, &Request::Hello, &ends)?;
    let answer: Option<(Reply, Vec<OwnedFd>)> = receive(socket)?;
    if !matches!(answer, Some((Reply::Done, _))) {
        return Err(io::Error::other("the kernel did not accept this process"));
    }
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(&stdout)?;
    rustix::stdio::dup2_stderr(&stderr)?;
    Ok(File::from(commands))
}

extern "C" fn on_interrupt(_: c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// SIGINT sets a flag that long loops look at; it does not end the process.
fn listen_for_interrupts() -> io::Result<()> {
    // SAFETY: the handler stores to an atomic and nothing else; the structure is zeroed, which is
    // a valid empty mask and no flags.
    let failed = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_interrupt as extern "C" fn(c_int) as usize;
        libc::sigaction(libc::SIGINT, &raw const action, std::ptr::null_mut())
    };
    if failed == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

type Start = unsafe extern "C" fn(c_int, *const AtomicBool);
type Enter = extern "C" fn() -> c_int;
type Leave = extern "C" fn(c_int);
type CellFunction = extern "C" fn(*mut c_void) -> *mut c_void;

/// The prelude's side of this process, and the variables that cells keep.
struct Prelude {
    start: Start,
    enter: Enter,
    leave: Leave,
    variables: std::cell::Cell<*mut c_void>,
}

impl Prelude {
    fn load(libstd: &OsStr, prelude: &OsStr) -> io::Result<Prelude> {
        // First the standard library, by its own path: the prelude then finds it loaded.
        open(libstd)?;
        let library = open(prelude)?;
        // SAFETY: the symbols have these types in the prelude, which `warm` built from the same
        // version of this workspace: its key contains the version.
        unsafe {
            Ok(Prelude {
                start: std::mem::transmute::<*mut c_void, Start>(symbol(library, "ironsage_prelude_start")?),
                enter: std::mem::transmute::<*mut c_void, Enter>(symbol(library, "ironsage_prelude_enter")?),
                leave: std::mem::transmute::<*mut c_void, Leave>(symbol(library, "ironsage_prelude_leave")?),
                variables: std::cell::Cell::new(std::ptr::null_mut()),
            })
        }
    }

    /// Loads and runs one cell. Libraries are never unloaded: variables and threads may need them.
    fn run(&self, file: &str, function: &str) -> io::Result<()> {
        let library = open(OsStr::new(file))?;
        // SAFETY: evcxr generates the function with this type.
        let function = unsafe { std::mem::transmute::<*mut c_void, CellFunction>(symbol(library, function)?) };
        let go = (self.enter)() != 0;
        if go {
            self.variables.set(function(self.variables.get()));
        }
        (self.leave)(c_int::from(go));
        Ok(())
    }
}

fn open(path: &OsStr) -> io::Result<*mut c_void> {
    let name = CString::new(path.as_bytes())?;
    // SAFETY: the name ends with a zero; the library's initialisers are those of Rust code that
    // the user runs anyway.
    let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if library.is_null() {
        return Err(loader_error());
    }
    Ok(library)
}

fn symbol(library: *mut c_void, name: &str) -> io::Result<*mut c_void> {
    let name = CString::new(name)?;
    // SAFETY: the library was opened and is never closed.
    let symbol = unsafe { libc::dlsym(library, name.as_ptr()) };
    if symbol.is_null() {
        return Err(loader_error());
    }
    Ok(symbol)
}

fn loader_error() -> io::Error {
    // SAFETY: dlerror gives null or a C string that stays until the next call on this thread.
    let text = unsafe {
        let text: *const c_char = libc::dlerror();
        if text.is_null() {
            return io::Error::other("the loader gave no reason");
        }
        std::ffi::CStr::from_ptr(text)
    };
    io::Error::other(text.to_string_lossy().into_owned())
}
