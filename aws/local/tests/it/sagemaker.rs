//! Models, endpoint configs, endpoints and the runtime, with real processes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Client, Service, run, wait_until};

const IMAGE: &str = "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1";

/// A model.tar.gz with these files.
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// A model whose container behaves so, and a config that runs it.
pub async fn model(client: &Client, name: &str, behaviour: &str, count: usize) {
    let path = format!("/models/{name}/model.tar.gz");
    let _ = client.s3("PUT", "/models", &[], b"").await;
    client
        .put(
            &path,
            &archive(&[("behaviour", behaviour.as_bytes()), ("model_algo-1", b"weights")]),
        )
        .await;
    let container = json!({
        "Image": IMAGE,
        "ModelDataUrl": format!("s3:/{path}"),
        "Environment": { "COLOUR": "blue", "SAGEMAKER_BIND_TO_PORT": "1" },
    });
    client
        .sagemaker(
            "CreateModel",
            json!({ "ModelName": name, "PrimaryContainer": container }),
        )
        .await
        .is(200);
    let variant = json!({
        "VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": count, "InstanceType": "ml.t2.medium",
    });
    client
        .sagemaker(
            "CreateEndpointConfig",
            json!({ "EndpointConfigName": name, "ProductionVariants": [variant] }),
        )
        .await
        .is(200);
}

/// Waits until the endpoint has left these states.
pub async fn settled(client: &Client, name: &str) -> Value {
    let begun = Instant::now();
    loop {
        let described = client
            .sagemaker("DescribeEndpoint", json!({ "EndpointName": name }))
            .await;
        let value = described.json();
        let status = value["EndpointStatus"].as_str().unwrap_or("gone");
        if !["Creating", "Updating", "Deleting"].contains(&status) {
            return value;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{value}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn deploy(client: &Client, endpoint: &str, config: &str) -> Value {
    let input = json!({ "EndpointName": endpoint, "EndpointConfigName": config });
    client.sagemaker("CreateEndpoint", input).await.is(200);
    settled(client, endpoint).await
}

#[test]
fn the_road_from_a_model_to_an_answer_and_back() {
    let service = Service::start();
    let client = service.client();
    run(async {
        model(&client, "age", "first", 1).await;
        let begun = Instant::now();
        let described = deploy(&client, "Shell-Age", "age").await;
        eprintln!("endpoint InService after {:?}", begun.elapsed());
        assert_eq!(described["EndpointStatus"], "InService", "{described}");
        assert_eq!(
            described["EndpointArn"],
            "arn:aws:sagemaker:us-east-1:000000000000:endpoint/shell-age"
        );
        assert_eq!(described["ProductionVariants"][0]["CurrentInstanceCount"], 1);
        assert!(described["CreationTime"].is_number() && described["LastModifiedTime"].is_number());

        let answer = client.invoke("Shell-Age", b"1,2,3").await.is(200);
        assert_eq!(answer.text(), "first answers 1,2,3");
        assert_eq!(answer.header("content-type"), "text/csv");
        assert_eq!(answer.header("x-amzn-invoked-production-variant"), "AllTraffic");
        assert_eq!(answer.header("x-amzn-sagemaker-custom-attributes"), "c=1");

        let seen = client.invoke("Shell-Age", b"environment").await.is(200).text();
        let value = |name: &str| {
            seen.lines()
                .find_map(|line| line.strip_prefix(&format!("{name}=")))
                .unwrap_or("")
        };
        assert_eq!(
            (value("COLOUR"), value("IRONSAGE_ALGORITHM")),
            ("blue", "linear-learner")
        );
        assert_eq!(
            value("IRONSAGE_MODEL_DIR"),
            format!("{}/model", value("SAGEMAKER_BASE_DIR"))
        );
        assert_eq!(value("cwd"), value("IRONSAGE_MODEL_DIR"));
        assert_ne!(
            value("SAGEMAKER_BIND_TO_PORT"),
            "1",
            "the model's environment took the port over"
        );
        assert_eq!(
            (value("content-type"), value("accept")),
            ("text/csv", "application/json")
        );
        assert!(
            value("authorization").is_empty() && value("x-amz-date").is_empty(),
            "signatures reach the container"
        );
        assert!(!seen.contains(&service.key.secret_access_key));

        let failed = client.invoke("Shell-Age", b"fail").await.is(424);
        assert_eq!(failed.header("x-amzn-errortype"), "ModelError");
        let failed = failed.json();
        assert_eq!(
            (&failed["OriginalStatusCode"], &failed["OriginalMessage"]),
            (&json!(400), &json!("no such column: rings"))
        );
        assert!(
            failed["Message"]
                .as_str()
                .unwrap()
                .starts_with("Received client error (400) from primary with message \"no such")
        );

        let again = client
            .sagemaker(
                "CreateEndpoint",
                json!({ "EndpointName": "Shell-Age", "EndpointConfigName": "age" }),
            )
            .await
            .is(400);
        assert!(
            again.json()["message"]
                .as_str()
                .unwrap()
                .starts_with("Cannot create already existing endpoint \"arn:")
        );
        client
            .sagemaker("DeleteEndpointConfig", json!({ "EndpointConfigName": "age" }))
            .await
            .is(200);
        client
            .sagemaker("DeleteModel", json!({ "ModelName": "age" }))
            .await
            .is(200);
        client.invoke("Shell-Age", b"1").await.is(200);
        let gone = client
            .sagemaker("DeleteEndpoint", json!({ "EndpointName": "Shell-Age" }))
            .await
            .is(200);
        assert!(gone.body.is_empty());
        assert_eq!(settled(&client, "Shell-Age").await["__type"], "ValidationException");
        let missing = client.invoke("Shell-Age", b"1").await.is(400);
        assert_eq!(missing.header("x-amzn-errortype"), "ValidationError");
        assert_eq!(
            missing.json()["Message"],
            "Endpoint Shell-Age of account 000000000000 not found."
        );
        assert_eq!(
            client.sagemaker("ListEndpoints", json!({})).await.is(200).json(),
            json!({ "Endpoints": [] })
        );
    });
}

#[test]
fn a_crashed_process_is_started_again_and_callers_wait_for_it() {
    let service = Service::start();
    let client = service.client();
    run(async {
        model(&client, "age", "steady", 2).await;
        assert_eq!(deploy(&client, "age", "age").await["EndpointStatus"], "InService");
        let mut pids = std::collections::HashSet::new();
        for _ in 0..4 {
            let seen = client.invoke("age", b"environment").await.is(200).text();
            pids.insert(
                seen.lines()
                    .find_map(|line| line.strip_prefix("pid=").map(str::to_owned))
                    .unwrap(),
            );
        }
        assert_eq!(pids.len(), 2, "two instances are two processes");
        for _ in 0..2 {
            client.invoke("age", b"crash").await.is(424);
        }
        for _ in 0..6 {
            assert_eq!(client.invoke("age", b"1").await.is(200).text(), "steady answers 1");
        }
        assert_eq!(settled(&client, "age").await["EndpointStatus"], "InService");
    });
}

#[test]
fn a_process_that_keeps_crashing_is_given_up_with_a_reason() {
    let service = Service::start();
    let client = service.client();
    run(async {
        model(&client, "age", "steady", 1).await;
        deploy(&client, "age", "age").await;
        for _ in 0..40 {
            let answer = client.invoke("age", b"crash").await;
            if answer.status.as_u16() == 400 {
                break;
            }
        }
        let failed = settled(&client, "age").await;
        assert_eq!(failed["EndpointStatus"], "Failed", "{failed}");
        assert!(
            failed["FailureReason"]
                .as_str()
                .unwrap()
                .contains("exited with status 9"),
            "{failed}"
        );
        client
            .sagemaker("DeleteEndpoint", json!({ "EndpointName": "age" }))
            .await
            .is(200);
        settled(&client, "age").await;
    });
}

#[test]
fn an_update_is_blue_green_and_a_failed_one_leaves_the_old_model_answering() {
    let service = Service::start();
    let client = service.client();
    run(async {
        model(&client, "one", "one", 1).await;
        model(&client, "two", "two", 1).await;
        model(&client, "bad", "broken", 1).await;
        deploy(&client, "age", "one").await;
        let calls = {
            let client = client.clone();
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while seen.last().is_none_or(|last: &String| last.starts_with("one")) {
                    seen.push(client.invoke("age", b"x").await.is(200).text());
                }
                seen
            })
        };
        let update = |config: &'static str| {
            client.sagemaker(
                "UpdateEndpoint",
                json!({ "EndpointName": "age", "EndpointConfigName": config }),
            )
        };
        update("two").await.is(200);
        update("one").await.is(400);
        let described = settled(&client, "age").await;
        assert_eq!(
            (&described["EndpointStatus"], &described["EndpointConfigName"]),
            (&json!("InService"), &json!("two"))
        );
        let seen = calls.await.unwrap();
        assert_eq!(seen.last().unwrap(), "two answers x");
        update("bad").await.is(200);
        let described = settled(&client, "age").await;
        assert_eq!(
            (&described["EndpointStatus"], &described["EndpointConfigName"]),
            (&json!("InService"), &json!("two"))
        );
        assert!(
            described["FailureReason"]
                .as_str()
                .unwrap()
                .contains("ValueError: the weights are broken"),
            "{described}"
        );
        assert_eq!(client.invoke("age", b"x").await.is(200).text(), "two answers x");
    });
}

#[test]
fn a_server_that_does_not_start_is_a_failed_endpoint_that_says_why() {
    let service = Service::start();
    let client = service.client();
    run(async {
        model(&client, "bad", "broken", 1).await;
        let failed = deploy(&client, "bad", "bad").await;
        assert_eq!(failed["EndpointStatus"], "Failed");
        let reason = failed["FailureReason"].as_str().unwrap();
        assert!(
            reason.contains("did not pass the ping health check") && reason.contains("exited with status 3"),
            "{reason}"
        );
        assert!(reason.contains("ValueError: the weights are broken"), "{reason}");
        let refused = client.invoke("bad", b"1").await.is(400);
        assert!(refused.json()["Message"].as_str().unwrap().contains("Failed"));
        client
            .sagemaker(
                "UpdateEndpoint",
                json!({ "EndpointName": "bad", "EndpointConfigName": "bad" }),
            )
            .await
            .is(400);

        // One that never gets ready can be removed all the same.
        model(&client, "sick", "sick", 1).await;
        client
            .sagemaker(
                "CreateEndpoint",
                json!({ "EndpointName": "sick", "EndpointConfigName": "sick" }),
            )
            .await
            .is(200);
        client
            .sagemaker("DeleteEndpoint", json!({ "EndpointName": "sick" }))
            .await
            .is(200);
        assert_eq!(settled(&client, "sick").await["__type"], "ValidationException");

        // A model that cannot be unpacked.
        client.put("/models/evil/model.tar.gz", b"not a tar file").await;
        let container = json!({ "Image": IMAGE, "ModelDataUrl": "s3://models/evil/model.tar.gz" });
        client
            .sagemaker(
                "CreateModel",
                json!({ "ModelName": "evil", "PrimaryContainer": container }),
            )
            .await
            .is(200);
        let variant = json!({ "VariantName": "v", "ModelName": "evil", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large" });
        client
            .sagemaker(
                "CreateEndpointConfig",
                json!({ "EndpointConfigName": "evil", "ProductionVariants": [variant] }),
            )
            .await
            .is(200);
        let failed = deploy(&client, "evil", "evil").await;
        assert!(
            failed["FailureReason"]
                .as_str()
                .unwrap()
                .contains("not a readable .tar.gz"),
            "{failed}"
        );
        // Nothing of them remains, not even what was half unpacked.
        let folders = service.home.service().join("endpoints/deployments");
        wait_until("the deployments' folders are gone", || {
            std::fs::read_dir(&folders).unwrap().count() == 0
        });
    });
}

#[test]
fn what_is_wrong_is_said_in_sagemaker_s_words() {
    let service = Service::start();
    let client = service.client();
    run(async {
        let message = |answer: crate::client::Answer| {
            let answer = answer.is(400).json();
            assert_eq!(answer["__type"], "ValidationException", "{answer}");
            answer["message"].as_str().unwrap().to_owned()
        };
        for (operation, input, text) in [
            (
                "DescribeEndpoint",
                json!({ "EndpointName": "no" }),
                "Could not find endpoint \"arn:aws:sagemaker:us-east-1:000000000000:endpoint/no\".",
            ),
            (
                "DeleteEndpoint",
                json!({ "EndpointName": "no" }),
                "Could not find endpoint \"arn",
            ),
            (
                "DescribeEndpointConfig",
                json!({ "EndpointConfigName": "no" }),
                "Could not find endpoint configuration \"arn",
            ),
            (
                "DeleteEndpointConfig",
                json!({ "EndpointConfigName": "no" }),
                "Could not find endpoint configuration \"arn",
            ),
            (
                "DescribeModel",
                json!({ "ModelName": "no" }),
                "Could not find model \"arn",
            ),
            (
                "DeleteModel",
                json!({ "ModelName": "no" }),
                "Could not find model \"arn",
            ),
            (
                "CreateEndpoint",
                json!({ "EndpointName": "a", "EndpointConfigName": "no" }),
                "Could not find endpoint configuration \"arn",
            ),
            (
                "DescribeEndpoint",
                json!({ "EndpointName": "a_b" }),
                "1 validation error detected: Value 'a_b' at 'endpointName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}",
            ),
            (
                "DescribeEndpoint",
                json!({}),
                "1 validation error detected: Value null at 'endpointName' failed to satisfy constraint: Member must not be null",
            ),
            (
                "CreateModel",
                json!({ "ModelName": "m", "PrimaryContainer": { "Image": "my/image:1" } }),
                "The image my/image:1 is not one of a built-in algorithm. The local service runs linear-learner",
            ),
            (
                "CreateModel",
                json!({ "ModelName": "m", "PrimaryContainer": { "Image": "811284229777.dkr.ecr.us-east-1.amazonaws.com/xgboost:1" } }),
                "is xgboost, which this version of Ironsage does not run yet",
            ),
            (
                "CreateModel",
                json!({ "ModelName": "m", "PrimaryContainer": { "Image": IMAGE, "ModelDataUrl": "s3://nothing/model.tar.gz" } }),
                "Could not find model data at s3://nothing/model.tar.gz.",
            ),
            (
                "CreateModel",
                json!({ "ModelName": "m", "PrimaryContainer": { "Image": IMAGE }, "VpcConfig": { "Subnets": ["a"] } }),
                "The local service does not support VpcConfig.",
            ),
            (
                "CreateModel",
                json!({ "ModelName": "m", "PrimaryContainer": { "Image": IMAGE }, "EnableNetworkIsolation": true }),
                "The local service does not support EnableNetworkIsolation.",
            ),
            (
                "ListEndpoints",
                json!({ "MaxResults": 101 }),
                "Member must have value less than or equal to 100",
            ),
            (
                "ListEndpoints",
                json!({ "SortBy": "Colour" }),
                "Member must satisfy enum value set: [Name, CreationTime, Status]",
            ),
        ] {
            let said = message(client.sagemaker(operation, input.clone()).await);
            assert!(said.contains(text), "{operation} {input}: {said}");
        }
        let variant = |more: Value| {
            let mut variant = json!({ "VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large" });
            variant
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({ "EndpointConfigName": "c", "ProductionVariants": [variant] })
        };
        client
            .sagemaker(
                "CreateModel",
                json!({ "ModelName": "m", "PrimaryContainer": { "Image": IMAGE } }),
            )
            .await
            .is(200);
        for (more, text) in [
            (
                json!({ "InstanceType": "large" }),
                "at 'productionVariants.1.member.instanceType' failed",
            ),
            (json!({ "InitialInstanceCount": 0 }), "greater than or equal to 1"),
            (
                json!({ "ServerlessConfig": { "MemorySizeInMB": 1024 } }),
                "does not support ServerlessConfig",
            ),
            (json!({ "ModelName": "none" }), "Could not find model \"arn"),
        ] {
            let said = message(client.sagemaker("CreateEndpointConfig", variant(more)).await);
            assert!(said.contains(text), "{said}");
        }
    });
}

#[test]
fn lists_are_ordered_filtered_and_paged() {
    let service = Service::start();
    let client = service.client();
    run(async {
        for index in 0..13 {
            let input = json!({ "ModelName": format!("m-{index:02}"), "PrimaryContainer": { "Image": IMAGE } });
            client.sagemaker("CreateModel", input).await.is(200);
        }
        let names = |page: &Value| -> Vec<String> {
            page["Models"]
                .as_array()
                .unwrap()
                .iter()
                .map(|model| model["ModelName"].as_str().unwrap().to_owned())
                .collect()
        };
        let first = client
            .sagemaker("ListModels", json!({ "SortBy": "Name", "SortOrder": "Ascending" }))
            .await
            .is(200)
            .json();
        assert_eq!(names(&first).len(), 10);
        let next = json!({ "SortBy": "Name", "SortOrder": "Ascending", "NextToken": first["NextToken"] });
        let second = client.sagemaker("ListModels", next).await.is(200).json();
        assert_eq!(names(&second), ["m-10", "m-11", "m-12"]);
        assert!(second.get("NextToken").is_none());
        let newest = client
            .sagemaker("ListModels", json!({ "MaxResults": 1 }))
            .await
            .is(200)
            .json();
        assert_eq!(names(&newest), ["m-12"], "newest first by default");
        let some = client
            .sagemaker("ListModels", json!({ "NameContains": "M-0", "MaxResults": 100 }))
            .await
            .is(200)
            .json();
        assert_eq!(names(&some).len(), 10);
        client
            .sagemaker("ListModels", json!({ "NextToken": "zz" }))
            .await
            .is(400);
        let described = client
            .sagemaker("DescribeModel", json!({ "ModelName": "m-03" }))
            .await
            .is(200)
            .json();
        assert_eq!(described["PrimaryContainer"]["Image"], IMAGE);
    });
}
