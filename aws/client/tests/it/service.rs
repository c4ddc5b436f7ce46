//! One local service for all tests of this binary, and watches that record or stop.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ironsage_client::{Client, Place, Transfer};
use ironsage_contract::{Home, S3Uri};

struct Service {
    place: Place,
    _home: tempfile::TempDir,
}

static SERVICE: OnceLock<Service> = OnceLock::new();

/// The place of the service, which is started by the first test that asks.
pub fn place() -> Place {
    let service = SERVICE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let options = ironsage_local::ServeOptions {
            home: home.clone(),
            port: None,
            executable: serving_executable(folder.path()),
            owner_pid: None,
        };
        std::thread::spawn(move || ironsage_local::serve(options));
        let started = Instant::now();
        let info = loop {
            if let Ok(Some(info)) = ironsage_local::status(&home) {
                break info;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "the service didn't start");
            std::thread::sleep(Duration::from_millis(5));
        };
        let credentials = ironsage_local::credentials(&home).unwrap();
        Service {
            place: Place::local(&info, &credentials),
            _home: folder,
        }
    });
    service.place.clone()
}

pub fn client() -> Client {
    Client::new(place()).unwrap()
}

/// A bucket of the test's own.
pub fn bucket(client: &Client) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    assert!(client.create_bucket(&name).unwrap().is_created());
    name
}

pub fn uri(bucket: &str, key: &str) -> S3Uri {
    format!("s3://{bucket}/{key}").parse().unwrap()
}

/// What the service starts as `<executable> serve`: this test binary again, as a server.
fn serving_executable(folder: &std::path::Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let script = folder.join("server.sh");
    let me = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\nexec '{}' --exact endpoints::an_endpoint_lives_and_goes --nocapture\n",
        me.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}

/// Bytes that differ at every offset, so that no two parts can be mixed up unseen.
pub fn pattern(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Keeps everything it is told.
#[derive(Default)]
pub struct Recording {
    pub moves: RefCell<Vec<(u64, u64)>>,
}

impl Transfer for Recording {
    fn moved(&self, done: u64, total: u64) {
        self.moves.borrow_mut().push((done, total));
    }
}

impl Recording {
    /// Progress began at nothing, never went back, and ended with everything.
    pub fn assert_complete(&self, total: u64) {
        let moves = self.moves.borrow();
        assert_eq!(moves.first(), Some(&(0, total)));
        assert_eq!(moves.last(), Some(&(total, total)));
        assert!(moves.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{moves:?}");
    }
}

/// Says stop after a while.
pub struct StopAfter {
    since: Instant,
    patience: Duration,
    pub asked: Cell<u32>,
}

impl StopAfter {
    pub fn new(patience: Duration) -> StopAfter {
        StopAfter {
            since: Instant::now(),
            patience,
            asked: Cell::new(0),
        }
    }
}

impl Transfer for StopAfter {
    fn stop(&self) -> bool {
        self.asked.set(self.asked.get() + 1);
        self.since.elapsed() >= self.patience
    }
}
