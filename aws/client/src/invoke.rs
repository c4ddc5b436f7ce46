//! Asking an endpoint for predictions.

use aws_sdk_sagemakerruntime::error::SdkError;
use aws_sdk_sagemakerruntime::operation::invoke_endpoint::InvokeEndpointError;
use aws_sdk_sagemakerruntime::primitives::Blob;
use bytes::Bytes;
use serde::Deserialize;

use crate::failure::Target;
use crate::{Client, ClientError, Resource, Transfer};

/// How our own containers answer an error; other images answer as they like.
#[derive(Deserialize)]
struct ContainerAnswer {
    message: String,
    hint: Option<String>,
}

impl Client {
    /// Sends one request body to an endpoint and gives the answer's body.
    pub fn invoke(&self, endpoint: &str, content_type: &str, accept: &str, body: Bytes) -> Result<Bytes, ClientError> {
        self.invoke_watched(endpoint, content_type, accept, body, &())
    }

    /// [`Client::invoke`], stoppable.
    pub fn invoke_watched(
        &self,
        endpoint: &str,
        content_type: &str,
        accept: &str,
        body: Bytes,
        watch: &dyn Transfer,
    ) -> Result<Bytes, ClientError> {
        let request = self
            .inference()
            .invoke_endpoint()
            .endpoint_name(endpoint)
            .content_type(content_type)
            .accept(accept)
            .body(Blob::new(Vec::from(body)));
        self.run(watch, async {
            match request.send().await {
                Ok(answer) => Ok(answer
                    .body
                    .map_or_else(Bytes::new, |body| Bytes::from(body.into_inner()))),
                Err(error) => Err(self.invocation_failed(endpoint, error).await),
            }
        })
    }

    async fn invocation_failed(&self, endpoint: &str, error: SdkError<InvokeEndpointError>) -> ClientError {
        if let Some(InvokeEndpointError::ModelError(model)) = error.as_service_error() {
            let said = model.original_message().or(model.message()).unwrap_or("");
            let (message, hint) = match serde_json::from_str::<ContainerAnswer>(said) {
                Ok(answer) => (answer.message, answer.hint),
                Err(_) if said.is_empty() => ("nothing more".to_owned(), None),
                Err(_) => (said.to_owned(), None),
            };
            return ClientError::Model {
                endpoint: endpoint.to_owned(),
                status: model
                    .original_status_code()
                    .and_then(|status| u16::try_from(status).ok())
                    .unwrap_or(500),
                message,
                hint,
            };
        }
        let target = Target::Resource(Resource::Endpoint, endpoint.to_owned());
        match self.doing("calling", target).failed(error) {
            ClientError::NotFound { .. } => self.missing_endpoint(endpoint).await,
            other => other,
        }
    }
}
