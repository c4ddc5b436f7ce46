//! Figures for the notes: `cargo test --release -p ironsage-client -- --ignored --nocapture figures`.

use std::io::Write as _;
use std::time::Instant;

use bytes::Bytes;
use ironsage_client::Client;

use crate::service::{bucket, pattern, place, uri};

#[test]
#[ignore = "prints figures, promises nothing"]
fn figures_of_transfers() {
    let place = place();
    let mut report = String::new();
    let since = Instant::now();
    let client = Client::new(place).unwrap();
    report.push_str(&format!("a new client: {:?}\n", since.elapsed()));
    let since = Instant::now();
    client.buckets().unwrap();
    report.push_str(&format!("its first call: {:?}\n", since.elapsed()));
    let bucket = bucket(&client);
    let small = uri(&bucket, "small");
    for (name, call) in [
        (
            "put of 1 KiB",
            &(|| {
                client
                    .put(&small, Bytes::from(pattern(1024)), "text/plain", &())
                    .unwrap()
            }) as &dyn Fn(),
        ),
        ("head", &|| assert!(client.head(&small).unwrap().is_some())),
        ("get of 1 KiB", &|| {
            assert_eq!(client.get(&small, &()).unwrap().len(), 1024)
        }),
        ("list of 1", &|| {
            assert_eq!(client.list(&uri(&bucket, "")).unwrap().len(), 1)
        }),
    ] {
        let mut times: Vec<_> = (0..101)
            .map(|_| {
                let since = Instant::now();
                call();
                since.elapsed()
            })
            .collect();
        times.sort();
        report.push_str(&format!("{name}: median {:?}\n", times[50]));
    }
    let size = 512 << 20;
    let body = Bytes::from(pattern(size));
    let large = uri(&bucket, "large");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    for (name, call) in [
        (
            "put",
            &(|| client.put(&large, body.clone(), "text/plain", &()).unwrap()) as &dyn Fn(),
        ),
        ("get", &|| assert!(client.get(&large, &()).unwrap() == body)),
        ("get into a file", &|| {
            assert_eq!(client.get_file(&large, &path, &()).unwrap(), size as u64)
        }),
    ] {
        let since = Instant::now();
        call();
        let rate = size as f64 / since.elapsed().as_secs_f64() / f64::from(1 << 20);
        report.push_str(&format!("{name} of 512 MiB: {rate:.0} MiB/s\n"));
    }
    std::io::stdout().write_all(report.as_bytes()).unwrap();
}
