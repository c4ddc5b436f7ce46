//! STS, as far as clients ask who they are: `GetCallerIdentity`.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use s3s::Body;

use crate::sagemaker::Identity;
use crate::signature::decode;

fn xml(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

/// Answers a query-protocol request.
pub fn answer(identity: &Identity, body: &[u8], request_id: &str) -> Response<Body> {
    let text = String::from_utf8_lossy(body);
    let action = text
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="))
        .map(decode)
        .unwrap_or_default();
    if action != b"GetCallerIdentity" {
        return xml(
            StatusCode::BAD_REQUEST,
            format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>InvalidAction</Code><Message>The local service answers only GetCallerIdentity.</Message></Error>\
                 <RequestId>{request_id}</RequestId></ErrorResponse>"
            ),
        );
    }
    let account = &identity.account;
    xml(
        StatusCode::OK,
        format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::{account}:user/local</Arn><UserId>AIDALOCALUSER0000000</UserId><Account>{account}</Account>\
             </GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>"
        ),
    )
}
