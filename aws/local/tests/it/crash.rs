//! `kill -9` and a full disk: what was acknowledged is there, what was not is nowhere whole or
//! half.

use std::collections::HashMap;
use std::os::unix::process::CommandExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ironsage_contract::Home;

use crate::client::{Service, bytes, executable, run, wait_until};

/// A body that tells its own seed and length.
fn body(seed: u64) -> Vec<u8> {
    let length = [100, 5_000, 60_000, 900_000][(seed % 4) as usize];
    let mut body = bytes(length, seed);
    body[..8].copy_from_slice(&seed.to_be_bytes());
    body
}

fn is_whole(found: &[u8]) -> bool {
    found.len() >= 8 && body(u64::from_be_bytes(found[..8].try_into().unwrap())) == found
}

#[test]
fn kill_nine_in_the_middle_of_uploads() {
    let mut service = Service::start();
    run(async { service.client().put("/shells", b"").await });
    let mut acknowledged: HashMap<String, u64> = HashMap::new();
    let mut total = 0;
    for round in 0..4_u64 {
        let stop = Arc::new(AtomicBool::new(false));
        let client = service.client();
        let written = run(async {
            let writers: Vec<_> = (0..6_u64)
                .map(|writer| {
                    let (client, stop) = (client.clone(), stop.clone());
                    tokio::spawn(async move {
                        let mut done: Vec<(String, Option<u64>)> = Vec::new();
                        for step in 0.. {
                            if stop.load(Ordering::SeqCst) {
                                break;
                            }
                            // Few keys, so that objects are overwritten, too.
                            let key = format!("{writer}-{}", step % 5);
                            let seed = round * 1_000_000 + writer * 10_000 + step;
                            let request = client.signed("s3", "PUT", &format!("/shells/{key}"), &[], &body(seed), None);
                            match client.try_send(request).await {
                                Some(answer) if answer.status.is_success() => done.push((key, Some(seed))),
                                // Not acknowledged: either one is allowed from now on.
                                _ => {
                                    done.push((key, None));
                                    break;
                                }
                            }
                        }
                        done
                    })
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(150 + 70 * round)).await;
            service.kill();
            stop.store(true, Ordering::SeqCst);
            futures::future::join_all(writers).await
        });
        service.restart();
        let mut uncertain = Vec::new();
        for (key, seed) in written.into_iter().flat_map(Result::unwrap) {
            match seed {
                Some(seed) => {
                    total += 1;
                    acknowledged.insert(key, seed);
                }
                None => uncertain.push(key),
            }
        }
        let mut files = 0;
        run(async {
            let client = service.client();
            let listed = client.get("/shells?list-type=2").await.is(200);
            for key in listed.all("Key") {
                let found = client.get(&format!("/shells/{key}")).await.is(200).body;
                assert!(
                    is_whole(&found),
                    "round {round}: {key} is a half object of {} bytes",
                    found.len()
                );
                files += usize::from(found.len() > 16 * 1024);
                if uncertain.contains(&key) {
                    acknowledged.insert(key, u64::from_be_bytes(found[..8].try_into().unwrap()));
                }
            }
            for (key, seed) in &acknowledged {
                let found = client.get(&format!("/shells/{key}")).await.is(200).body;
                assert!(
                    found == body(*seed),
                    "round {round}: {key} was acknowledged and is lost"
                );
            }
        });
        assert_eq!(
            service.content_files(),
            files,
            "round {round}: content that no object names"
        );
        let unfinished = service.home.service().join("store/unfinished");
        assert_eq!(std::fs::read_dir(unfinished).unwrap().count(), 0);
    }
    assert!(
        total > 20,
        "only {total} writes were acknowledged: the test tests nothing"
    );
}

#[test]
fn a_full_disk_is_a_clear_error_and_costs_nothing_old() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    std::fs::create_dir_all(home.path()).unwrap();
    // A real limit: no file of this service can grow beyond it.
    const LIMIT: u64 = 6 * 1024 * 1024;
    let mut command = std::process::Command::new(executable());
    command
        .args(["local", "run"])
        .env("IRONSAGE_HOME", home.path())
        .env("IRONSAGE_LOCAL_OWNER_PID", std::process::id().to_string())
        .stdin(std::process::Stdio::null());
    // SAFETY: one system call between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: LIMIT,
                rlim_max: LIMIT,
            };
            if libc::setrlimit(libc::RLIMIT_FSIZE, &limit) == 0 {
                Ok(())
            } else {
                Err(std::io::Error::last_os_error())
            }
        });
    }
    let mut child = command.spawn().unwrap();
    wait_until("the service answers", || {
        ironsage_local::status(&home).unwrap().is_some()
    });
    let info = ironsage_local::status(&home).unwrap().unwrap();
    let service = Service {
        key: ironsage_local::credentials(&home).unwrap(),
        folder,
        home,
        info,
    };
    let client = service.client();
    run(async {
        client.put("/shells", b"").await;
        let old = bytes(1_000_000, 1);
        client.put("/shells/old", &old).await;
        client.put("/shells/small", b"small").await;
        // A content file that is too large.
        for key in ["old", "new"] {
            let refused = client
                .s3("PUT", &format!("/shells/{key}"), &[], &bytes(8_000_000, 2))
                .await
                .is(507);
            assert_eq!(refused.one("Code"), "InsufficientStorage");
            assert!(refused.one("Message").contains("full"), "{}", refused.text());
        }
        client.get("/shells/new").await.is(404);
        assert!(client.get("/shells/old").await.is(200).body == old);
        assert_eq!(service.content_files(), 1);
        // An index that cannot grow: small bodies until it is full.
        let mut stored = 0;
        let refused = loop {
            let answer = client
                .s3("PUT", &format!("/shells/many/{stored}"), &[], &bytes(16_000, stored))
                .await;
            if !answer.status.is_success() {
                break answer;
            }
            stored += 1;
            assert!(stored < 2000, "the limit was never met");
        };
        assert!(stored > 10, "only {stored} objects fitted");
        let refused = refused.is(507);
        assert_eq!(refused.one("Code"), "InsufficientStorage");
        for index in 0..stored {
            let found = client.get(&format!("/shells/many/{index}")).await.is(200);
            assert!(
                found.body == bytes(16_000, index),
                "{index} was acknowledged and is lost"
            );
        }
        assert!(client.get("/shells/old").await.is(200).body == old);
        client.get(&format!("/shells/many/{stored}")).await.is(404);
        // Content that fits while its row does not: it goes with the row.
        let note = "n".repeat(1900);
        let mut kept = 0;
        loop {
            let path = format!("/shells/late/{kept}");
            let headers = [("x-amz-meta-note", note.as_str())];
            let answer = client.s3("PUT", &path, &headers, &bytes(20_000, kept)).await;
            if !answer.status.is_success() {
                break;
            }
            kept += 1;
            assert!(kept < 3000, "the limit was never met");
        }
        assert_eq!(service.content_files() as u64, 1 + kept);
    });
    ironsage_local::stop(&service.home).unwrap();
    child.wait().unwrap();
}
