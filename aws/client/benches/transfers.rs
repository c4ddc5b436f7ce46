//! Round trips and transfer rates against the local service.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/it/service.rs"]
#[allow(dead_code)]
mod service;

use std::time::Instant;

use bytes::Bytes;
use ironsage_client::{Cache, Client};

use service::{bucket, pattern, place, uri};

fn main() {
    let place = place();
    let since = Instant::now();
    let client = Client::new(place).unwrap();
    println!("a new client: {:?}", since.elapsed());
    let since = Instant::now();
    client.buckets().unwrap();
    println!("its first call: {:?}", since.elapsed());
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
        println!("{name}: median {:?}", times[50]);
    }
    let size = 512 << 20;
    let body = Bytes::from(pattern(size));
    let large = uri(&bucket, "large");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large");
    let kept = tempfile::tempdir().unwrap();
    let cached = Client::with_cache(client.place().clone(), Some(Cache::at(kept.path(), 1 << 30))).unwrap();
    for (name, call) in [
        (
            "put",
            &(|| client.put(&large, body.clone(), "text/plain", &()).unwrap()) as &dyn Fn(),
        ),
        ("get", &|| assert!(client.get(&large, &()).unwrap() == body)),
        ("get into a file", &|| {
            assert_eq!(client.get_file(&large, &path, &()).unwrap(), size as u64)
        }),
        ("get, once more", &|| assert!(client.get(&large, &()).unwrap() == body)),
        ("get that is kept in the cache", &|| {
            assert!(cached.get(&large, &()).unwrap() == body)
        }),
    ] {
        let since = Instant::now();
        call();
        let rate = size as f64 / since.elapsed().as_secs_f64() / f64::from(1 << 20);
        println!("{name} of 512 MiB: {rate:.0} MiB/s");
    }
    // Keeping goes on in the background.
    std::thread::sleep(std::time::Duration::from_secs(2));
    for name in ["get from the cache", "get from the cache, once more"] {
        let since = Instant::now();
        assert!(cached.get(&large, &()).unwrap() == body);
        let rate = size as f64 / since.elapsed().as_secs_f64() / f64::from(1 << 20);
        println!("{name} of 512 MiB: {rate:.0} MiB/s");
    }
}
