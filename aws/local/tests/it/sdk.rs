//! The official SDKs against the service: what they send by default must do.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};

use crate::client::{Service, bytes, run};
use crate::sagemaker::model;

/// What a user's program would load, with the service's address and key.
async fn config(service: &Service) -> aws_config::SdkConfig {
    let key = &service.key;
    let credentials = aws_credential_types::Credentials::new(
        key.access_key_id.as_str(),
        key.secret_access_key.as_str(),
        None,
        None,
        "test",
    );
    aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(service.info.endpoint())
        .region(aws_config::Region::new(service.info.region.clone()))
        .credentials_provider(credentials)
        .load()
        .await
}

#[test]
fn objects_by_the_official_client() {
    let service = Service::start();
    run(async {
        let client = aws_sdk_s3::Client::new(&config(&service).await);
        client.create_bucket().bucket("shells").send().await.unwrap();
        let again = client.create_bucket().bucket("shells").send().await.unwrap_err();
        assert!(again.into_service_error().is_bucket_already_owned_by_you());
        for (key, size) in [("a b+c/é", 10), ("large", 9_000_000)] {
            let body = bytes(size, 4);
            // A body of unknown content goes out chunked, with its checksum in the trailer.
            let file = service.folder.path().join("upload");
            std::fs::write(&file, &body).unwrap();
            let stream = ByteStream::from_path(&file).await.unwrap();
            client
                .put_object()
                .bucket("shells")
                .key(key)
                .metadata("origin", "abalone")
                .body(stream)
                .send()
                .await
                .unwrap();
            let got = client.get_object().bucket("shells").key(key).send().await.unwrap();
            assert_eq!(got.metadata().unwrap()["origin"], "abalone");
            assert!(got.body.collect().await.unwrap().into_bytes() == body);
        }
        let missing = client.get_object().bucket("shells").key("no").send().await.unwrap_err();
        assert!(missing.into_service_error().is_no_such_key());
        let head = client
            .head_object()
            .bucket("shells")
            .key("no")
            .send()
            .await
            .unwrap_err();
        assert!(head.into_service_error().is_not_found());

        let upload = client
            .create_multipart_upload()
            .bucket("shells")
            .key("parts")
            .send()
            .await
            .unwrap();
        let id = upload.upload_id().unwrap();
        let (mut parts, mut whole) = (Vec::new(), Vec::new());
        for number in 1..=3 {
            let body = bytes(if number < 3 { 5 * 1024 * 1024 } else { 1000 }, number as u64);
            whole.extend_from_slice(&body);
            let request = client
                .upload_part()
                .bucket("shells")
                .key("parts")
                .upload_id(id)
                .part_number(number);
            let part = request.body(ByteStream::from(body)).send().await.unwrap();
            let mut done = CompletedPart::builder()
                .part_number(number)
                .e_tag(part.e_tag().unwrap());
            done = done.set_checksum_crc32(part.checksum_crc32().map(str::to_owned));
            parts.push(done.build());
        }
        let list = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        client
            .complete_multipart_upload()
            .bucket("shells")
            .key("parts")
            .upload_id(id)
            .multipart_upload(list)
            .send()
            .await
            .unwrap();
        let got = client.get_object().bucket("shells").key("parts").send().await.unwrap();
        assert!(got.body.collect().await.unwrap().into_bytes() == whole);

        let mut pages = client
            .list_objects_v2()
            .bucket("shells")
            .max_keys(2)
            .into_paginator()
            .send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            keys.extend(
                page.unwrap()
                    .contents()
                    .iter()
                    .map(|object| object.key().unwrap().to_owned()),
            );
        }
        assert_eq!(keys, ["a b+c/é", "large", "parts"]);
    });
}

#[test]
fn endpoints_by_the_official_clients() {
    let service = Service::start();
    run(async {
        model(&service.client(), "age", "sdk", 1).await;
        let control = aws_sdk_sagemaker::Client::new(&config(&service).await);
        let runtime = aws_sdk_sagemakerruntime::Client::new(&config(&service).await);
        let missing = control
            .describe_endpoint()
            .endpoint_name("age")
            .send()
            .await
            .unwrap_err();
        let code = aws_sdk_sagemaker::error::ProvideErrorMetadata::code(&missing)
            .unwrap()
            .to_owned();
        assert_eq!(code, "ValidationException");
        control
            .create_endpoint()
            .endpoint_name("age")
            .endpoint_config_name("age")
            .send()
            .await
            .unwrap();
        loop {
            let endpoint = control.describe_endpoint().endpoint_name("age").send().await.unwrap();
            match endpoint.endpoint_status().unwrap().as_str() {
                "InService" => break,
                "Creating" => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                other => panic!("{other}: {:?}", endpoint.failure_reason()),
            }
        }
        let body = aws_sdk_sagemakerruntime::primitives::Blob::new("1,2");
        let answer = runtime
            .invoke_endpoint()
            .endpoint_name("age")
            .content_type("text/csv")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.body().unwrap().as_ref(), b"sdk answers 1,2");
        let body = aws_sdk_sagemakerruntime::primitives::Blob::new("fail");
        let failed = runtime
            .invoke_endpoint()
            .endpoint_name("age")
            .body(body)
            .send()
            .await
            .unwrap_err()
            .into_service_error();
        assert!(failed.is_model_error(), "{failed:?}");
        control.delete_endpoint().endpoint_name("age").send().await.unwrap();
    });
}
