//! What is said of each failure.

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
