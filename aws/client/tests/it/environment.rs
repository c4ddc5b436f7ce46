//! AWS as the environment describes it, each time in a process of its own: this test binary again, told by a variable
//! to say what it finds.

use std::io::Write as _;
use std::process::Command;

use ironsage_client::Place;

const SAY: &str = "IRONSAGE_TEST_SAY_PLACE";

fn say_place() {
    let text = match Place::from_environment(None, None) {
        Ok(place) => format!("found {} {place:?}", place.title()),
        Err(error) => format!("error {error} | hint {}", error.hint().unwrap_or_default()),
    };
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

/// What a process says that has these variables and an empty home.
fn said_with(variables: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "environment::keys_and_region_are_found_and_not_shown",
        ])
        .env_clear()
        .env(SAY, "")
        .env("HOME", home.path())
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_and_region_are_found_and_not_shown() {
    if std::env::var_os(SAY).is_some() {
        return say_place();
    }
    let said = said_with(&[
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    assert!(said.contains("found AWS eu-west-1"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
}

#[test]
fn what_the_environment_lacks_is_said() {
    let said = said_with(&[
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "hush-hush"),
    ]);
    assert!(
        said.contains("error no AWS region is set") && said.contains("set AWS_REGION"),
        "{said}"
    );

    let said = said_with(&[("AWS_REGION", "eu-west-1")]);
    assert!(
        said.contains("error AWS can't be used") && said.contains("aws configure"),
        "{said}"
    );
}
