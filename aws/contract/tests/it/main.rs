//! The crate's public promises, as its users meet them.
#![allow(clippy::unwrap_used, missing_docs)]

use ironsage_contract::images::{BUILT, algorithm_of, image_uri};
use ironsage_contract::{EndpointName, Home, S3Uri, Scheme};

#[test]
fn the_files_of_the_service_lie_under_the_home() {
    let home = Home::at("/somewhere/of/its/own");
    for path in [
        home.models(),
        home.service(),
        home.service_file(),
        home.credentials_file(),
        home.log(),
    ] {
        assert!(path.starts_with(home.path()), "{path:?}");
    }
    assert!(home.service_file().starts_with(home.service()));
}

#[test]
fn every_built_algorithm_has_an_image_that_leads_back_to_it() {
    for name in BUILT {
        for region in ["us-east-1", "eu-west-1", "cn-northwest-1", "us-gov-west-1"] {
            let image = image_uri(name, region).unwrap();
            assert_eq!(algorithm_of(&image), Some(*name), "{image}");
        }
    }
}

#[test]
fn uris_and_names_travel_as_plain_json_strings() {
    let uri: S3Uri = "local://shells/raw/a.csv".parse().unwrap();
    assert_eq!(serde_json::to_string(&uri).unwrap(), "\"local://shells/raw/a.csv\"");
    assert_eq!(uri.with_scheme(Scheme::S3).to_string(), "s3://shells/raw/a.csv");
    assert_eq!(
        serde_json::from_str::<S3Uri>("\"local://shells/raw/a.csv\"").unwrap(),
        uri
    );
    assert!(serde_json::from_str::<S3Uri>("\"shells\"").is_err());
    assert_eq!(
        serde_json::from_str::<EndpointName>("\"a--b\"").unwrap().as_str(),
        "a--b"
    );
    let refused = serde_json::from_str::<EndpointName>("\"a_b\"").unwrap_err();
    assert!(refused.to_string().contains("a_b"), "{refused}");
}
