//! What is said of each failure, and that its hints can be typed.

#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn a_mistyped_key_shows_the_near_ones() {
    let error = ClientError::NoSuchKey {
        uri: "s3://shells/raw/abalon.csv".to_owned(),
        place: "the local service".to_owned(),
        near: vec![
            "s3://shells/raw/abalone.csv".to_owned(),
            "s3://shells/raw/b.csv".to_owned(),
        ],
    };
    assert_eq!(
        error.to_string(),
        "there is no object s3://shells/raw/abalon.csv in the local service"
    );
    assert_eq!(
        error.hint().unwrap(),
        "did you mean s3://shells/raw/abalone.csv or s3://shells/raw/b.csv?"
    );
}

#[test]
fn with_nothing_near_it_shows_where_to_look() {
    let error = ClientError::NoSuchKey {
        uri: "s3://shells/raw/abalon.csv".to_owned(),
        place: "the local service".to_owned(),
        near: Vec::new(),
    };
    assert_eq!(error.hint().unwrap(), "`%s3 ls s3://shells/raw/` shows what is there");
}

#[test]
fn a_bucket_elsewhere_says_which_region_to_use() {
    let error = ClientError::WrongRegion {
        bucket: "shells".to_owned(),
        region: Some("eu-west-1".to_owned()),
        here: "us-east-1".to_owned(),
    };
    assert_eq!(
        error.to_string(),
        "bucket 'shells' is in region eu-west-1, this client speaks to us-east-1"
    );
    assert_eq!(
        error.hint().unwrap(),
        "set AWS_REGION=eu-west-1 before the kernel starts"
    );
}

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
    const MAGICS: &[&str] = &[
        "bash",
        "cd",
        "deploy",
        "describe",
        "endpoint",
        "env",
        "evaluate",
        "help",
        "invoke",
        "load",
        "lsmagic",
        "model",
        "param",
        "plot",
        "predict",
        "prep",
        "profile",
        "rm",
        "s3",
        "save",
        "schema",
        "show",
        "split",
        "sql",
        "time",
        "train",
        "undeploy",
        "who",
        "writefile",
    ];
    const ACTIONS: &[(&str, &[&str])] = &[
        ("s3", &["cp", "head", "ls", "mb", "rb", "rm"]),
        ("endpoint", &["ls", "rm"]),
    ];
    for hint in all().iter().filter_map(ClientError::hint) {
        for typed in hint.split('%').skip(1) {
            let mut words = typed.split(|letter: char| !letter.is_ascii_alphanumeric());
            let magic = words.next().unwrap();
            assert!(MAGICS.contains(&magic), "%{magic} in: {hint}");
            if let Some((_, actions)) = ACTIONS.iter().find(|(name, _)| *name == magic) {
                let action = words.next().unwrap();
                assert!(actions.contains(&action), "%{magic} {action} in: {hint}");
            }
        }
    }
}
