"""A crate of AWS's own SDK in a Rust cell, against the local service. To compile it takes a minute, so it is for --long."""

CRATE = """:dep aws-sdk-sagemakerruntime = { version = "1", default-features = false, features = ["rt-tokio", "default-https-client"] }
1"""

CALL = """
use aws_sdk_sagemakerruntime as runtime;
fn variable(name: &str) -> String {
    let given = std::fs::read_to_string("given").unwrap();
    let value = given.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap().to_owned()
}
let keys = runtime::config::Credentials::new(
    variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), None, None, "cell");
let client = runtime::Client::from_conf(
    runtime::Config::builder()
        .behavior_version(runtime::config::BehaviorVersion::latest())
        .region(runtime::config::Region::new(variable("AWS_REGION")))
        .endpoint_url(variable("AWS_ENDPOINT_URL"))
        .credentials_provider(keys)
        .build(),
);
let call = client.invoke_endpoint().endpoint_name("nowhere").body(runtime::primitives::Blob::new("1"));
let told = block_on(call.send()).map_err(|error| runtime::error::DisplayErrorContext(error).to_string()).err();
told
"""


def test_an_sdk_call_runs_on_the_sessions_runtime(kernel):
    kernel.ok("%s3 mb shells")
    kernel.ok("!env > given")
    assert "compiled" in kernel.ok(CRATE, timeout=600).text
    assert "Endpoint nowhere of account 000000000000 not found" in kernel.ok(CALL, timeout=600).text
