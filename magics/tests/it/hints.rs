//! What the client's errors tell a person to type can be typed.

use std::path::PathBuf;

use ironsage_client::{ClientError, CredentialsProblem, Resource};

use crate::bench::Bench;

/// One of each kind, in each of its cases that has a hint of its own.
fn all() -> Vec<ClientError> {
    let text = || "shells".to_owned();
    let uri = || "s3://shells/raw/a.parquet".to_owned();
    let mut all = vec![
        ClientError::NotAnObject {
            uri: uri(),
            what: "folder",
        },
        ClientError::BucketTaken { bucket: text() },
        ClientError::BucketNotEmpty { bucket: text() },
        ClientError::Changed { uri: uri() },
        ClientError::Broken {
            action: "reading",
            uri: uri(),
            attempts: 4,
            reason: text(),
        },
        ClientError::TooLarge {
            uri: uri(),
            size: text(),
            limit: text(),
        },
        ClientError::EndpointFailed {
            endpoint: text(),
            status: text(),
            reason: text(),
        },
        ClientError::AccessDenied {
            action: "reading",
            what: text(),
            place: text(),
            reason: text(),
        },
        ClientError::NoRegion,
        ClientError::NoRole { place: text() },
        ClientError::TimedOut {
            place: text(),
            action: "reading",
            what: text(),
        },
    ];
    for near in [Vec::new(), vec![text()]] {
        all.push(ClientError::NoSuchBucket {
            bucket: text(),
            place: text(),
            near: near.clone(),
        });
        all.push(ClientError::NoSuchKey {
            uri: uri(),
            place: text(),
            near: near.clone(),
        });
        for kind in [Resource::Endpoint, Resource::EndpointConfig, Resource::Model] {
            all.push(ClientError::NotFound {
                kind,
                name: text(),
                place: text(),
                near: near.clone(),
            });
            all.push(ClientError::AlreadyExists {
                kind,
                name: text(),
                place: text(),
            });
        }
    }
    for region in [None, Some(text())] {
        all.push(ClientError::WrongRegion {
            bucket: text(),
            region,
            here: text(),
        });
    }
    for endpoint in [None, Some(text())] {
        all.push(ClientError::Unreachable {
            place: text(),
            endpoint,
            reason: text(),
        });
    }
    for place in ["the local service", "AWS eu-west-1"] {
        for problem in [
            CredentialsProblem::Missing,
            CredentialsProblem::Expired,
            CredentialsProblem::Refused,
        ] {
            all.push(ClientError::Credentials {
                place: place.to_owned(),
                problem,
                reason: text(),
            });
        }
    }
    for kind in [std::io::ErrorKind::NotFound, std::io::ErrorKind::StorageFull] {
        all.push(ClientError::File {
            action: "reading",
            path: PathBuf::from("raw/a.csv"),
            source: kind.into(),
        });
    }
    all
}

#[test]
fn hints_name_magics_that_exist() {
    let bench = Bench::new();
    // Else it would mean nothing that help is there.
    assert!(bench.line("%s3 nonsense --help").is_err());
    let mut checked = 0;
    for hint in all().iter().filter_map(ClientError::hint) {
        for typed in hint.split('%').skip(1) {
            let mut words = typed.split(|letter: char| !letter.is_ascii_alphanumeric());
            let magic = words.next().unwrap();
            assert!(ironsage_magics::names().contains(&magic), "%{magic} in: {hint}");
            // A subcommand that is none is a usage error even where help is asked for.
            if matches!(magic, "s3" | "endpoint" | "model" | "plot") {
                let action = words.next().unwrap();
                assert!(
                    bench.line(&format!("%{magic} {action} --help")).is_ok(),
                    "%{magic} {action} in: {hint}"
                );
            }
            checked += 1;
        }
    }
    assert!(checked >= 12, "only {checked} magics stand in hints");
}
