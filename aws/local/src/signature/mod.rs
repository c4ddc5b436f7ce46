//! Signature Version 4: who may speak to the service at all.
//!
//! s3s verifies S3's requests itself; everything else (SageMaker, STS, the service's own
//! control requests) is verified here, over the whole body, with a comparison in constant
//! time. The same code signs the control requests that `start`, `stop` and `status` send.

mod encoding;
mod time;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use ironsage_contract::LocalCredentials;
use sha2::{Digest, Sha256};

pub use encoding::decode;
use encoding::encode;
use time::{format_time, parse_time};

/// How far a client's clock may be off.
const MAX_SKEW: Duration = Duration::from_secs(15 * 60);
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The credential scope of a request: whose key, for which service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The access key id.
    pub access_key: String,
    /// `yyyymmdd`.
    pub date: String,
    /// The region.
    pub region: String,
    /// The service's signing name.
    pub service: String,
}

/// Why a request is not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no signature.
    #[error("Missing Authentication Token")]
    Unsigned,
    /// The signature is of a kind that is not taken.
    #[error("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")]
    Mechanism,
    /// The header cannot be read.
    #[error("The authorization header is malformed: {0}")]
    Malformed(&'static str),
    /// Another key than the user's own.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The clocks differ too much, or an old request is sent again.
    #[error("Signature expired: the request's time is more than 15 minutes from the service's time")]
    Skewed,
    /// The signature is not that of this request and this key.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method."
    )]
    Mismatch,
}

impl Denied {
    /// The error's code as JSON services name it.
    pub fn code(&self) -> &'static str {
        match self {
            Denied::Unsigned => "MissingAuthenticationTokenException",
            Denied::Mechanism | Denied::Malformed(_) => "IncompleteSignatureException",
            Denied::UnknownKey => "UnrecognizedClientException",
            Denied::Skewed | Denied::Mismatch => "InvalidSignatureException",
        }
    }
}

/// A parsed `Authorization` header.
struct Authorization<'a> {
    scope: Scope,
    signed: Vec<&'a str>,
    signature: &'a str,
}

fn parse_scope(text: &str) -> Result<Scope, Denied> {
    let malformed = || Denied::Malformed("the credential is not KEY/DATE/REGION/SERVICE/aws4_request");
    // The key may hold slashes, the rest may not.
    let mut parts = text.rsplitn(5, '/');
    let end = parts.next();
    let (Some(service), Some(region), Some(date), Some(key)) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    if end != Some("aws4_request") || key.is_empty() || service.is_empty() {
        return Err(malformed());
    }
    let own = str::to_owned;
    Ok(Scope {
        access_key: own(key),
        date: own(date),
        region: own(region),
        service: own(service),
    })
}

fn parse_header(header: &str) -> Result<Authorization<'_>, Denied> {
    let rest = header.strip_prefix(ALGORITHM).ok_or(Denied::Mechanism)?;
    let (mut scope, mut signed, mut signature) = (None, None, None);
    for field in rest.split(',') {
        match field.trim().split_once('=') {
            Some(("Credential", value)) => scope = Some(parse_scope(value)?),
            Some(("SignedHeaders", value)) => signed = Some(value.split(';').collect()),
            Some(("Signature", value)) => signature = Some(value),
            _ => {
                return Err(Denied::Malformed(
                    "a field is neither Credential, SignedHeaders nor Signature",
                ));
            }
        }
    }
    match (scope, signed, signature) {
        (Some(scope), Some(signed), Some(signature)) => Ok(Authorization {
            scope,
            signed,
            signature,
        }),
        _ => Err(Denied::Malformed("Credential, SignedHeaders and Signature are needed")),
    }
}

/// A query parameter, decoded.
pub fn query_value(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name.as_bytes()).then(|| String::from_utf8_lossy(&decode(value)).into_owned())
    })
}

/// Which service a request is for, from its credential scope, in the header or in a presigned
/// URL's query. One that is signed in both is refused: the two might tell different things.
pub fn scope_of(parts: &Parts) -> Result<Scope, Denied> {
    let query = parts.uri.query().unwrap_or_default();
    if let Some(header) = parts.headers.get(http::header::AUTHORIZATION) {
        if query_value(query, "X-Amz-Signature").is_some() {
            return Err(Denied::Malformed("the query holds a signature, too"));
        }
        let header = header.to_str().map_err(|_| Denied::Malformed("it is not text"))?;
        return Ok(parse_header(header)?.scope);
    }
    match query_value(query, "X-Amz-Credential") {
        Some(credential) => parse_scope(&credential),
        None if query_value(query, "Signature").is_some() => Err(Denied::Mechanism),
        None => Err(Denied::Unsigned),
    }
}

/// Whether the signature covers the `Host`, so that a request for another place cannot be sent
/// here.
pub fn covers_host(parts: &Parts) -> bool {
    let header = parts
        .headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    match header {
        Some(header) => parse_header(header).is_ok_and(|header| header.signed.contains(&"host")),
        None => query_value(parts.uri.query().unwrap_or_default(), "X-Amz-SignedHeaders")
            .is_some_and(|signed| signed.split(';').any(|name| name == "host")),
    }
}

/// Verifies a request that is signed in its header, with its whole body.
pub fn verify(parts: &Parts, body: &[u8], key: &LocalCredentials, now: SystemTime) -> Result<Scope, Denied> {
    let header = parts.headers.get(http::header::AUTHORIZATION).ok_or(Denied::Unsigned)?;
    let header = header.to_str().map_err(|_| Denied::Malformed("it is not text"))?;
    let Authorization {
        scope,
        signed,
        signature,
    } = parse_header(header)?;
    let time = parts.headers.get("x-amz-date").and_then(|value| value.to_str().ok());
    let time = time.ok_or(Denied::Malformed("there is no x-amz-date"))?;
    let seconds = parse_time(time).ok_or(Denied::Malformed("x-amz-date is not yyyymmddThhmmssZ"))?;
    if !time.starts_with(&scope.date) || scope.date.len() != 8 {
        return Err(Denied::Malformed("the credential's date is not that of x-amz-date"));
    }
    if scope.access_key != key.access_key_id {
        return Err(Denied::UnknownKey);
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if now.abs_diff(seconds) > MAX_SKEW.as_secs() {
        return Err(Denied::Skewed);
    }
    if !signed.contains(&"host") {
        return Err(Denied::Malformed("the host header is not signed"));
    }
    let canonical = canonical_request(parts, &signed, &hex::encode(Sha256::digest(body)))?;
    let text = string_to_sign(&canonical, time, &scope);
    let given = hex::decode(signature).map_err(|_| Denied::Mismatch)?;
    mac(&signing_key(&key.secret_access_key, &scope), text.as_bytes())
        .verify_slice(&given)
        .map_err(|_| Denied::Mismatch)?;
    Ok(scope)
}

/// Signs a request of our own: gives the `x-amz-date` and `Authorization` headers.
#[expect(
    clippy::too_many_arguments,
    reason = "a request, a key, and for what and when it is signed"
)]
pub fn sign(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    key: &LocalCredentials,
    region: &str,
    service: &str,
    now: SystemTime,
) -> (String, String) {
    let time = format_time(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
    let scope = Scope {
        access_key: key.access_key_id.clone(),
        date: time[..8].to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    };
    let mut all: Vec<(&str, &str)> = headers.to_vec();
    all.push(("x-amz-date", &time));
    all.sort_unstable();
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let lines: String = all
        .iter()
        .map(|(name, value)| format!("{name}:{}\n", trim(value)))
        .collect();
    let canonical = format!(
        "{method}\n{path}\n\n{lines}\n{}\n{}",
        names.join(";"),
        hex::encode(Sha256::digest(body))
    );
    let text = string_to_sign(&canonical, &time, &scope);
    let signature = mac(&signing_key(&key.secret_access_key, &scope), text.as_bytes())
        .finalize()
        .into_bytes();
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}/{region}/{service}/aws4_request, SignedHeaders={}, Signature={}",
        scope.access_key,
        scope.date,
        names.join(";"),
        hex::encode(signature)
    );
    (time, authorization)
}

/// HMAC-SHA256.
#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
pub(crate) fn mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text);
    mac
}

fn signing_key(secret: &str, scope: &Scope) -> Vec<u8> {
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [scope.date.as_str(), &scope.region, &scope.service, "aws4_request"] {
        key = mac(&key, part.as_bytes()).finalize().into_bytes().to_vec();
    }
    key
}

fn string_to_sign(canonical: &str, time: &str, scope: &Scope) -> String {
    let Scope {
        date, region, service, ..
    } = scope;
    let hash = hex::encode(Sha256::digest(canonical.as_bytes()));
    format!("{ALGORITHM}\n{time}\n{date}/{region}/{service}/aws4_request\n{hash}")
}

fn canonical_request(parts: &Parts, signed: &[&str], body_hash: &str) -> Result<String, Denied> {
    let mut lines = String::new();
    for name in signed {
        let values: Vec<String> = parts
            .headers
            .get_all(*name)
            .iter()
            .map(|value| value.to_str().map(trim))
            .collect::<Result<_, _>>()
            .map_err(|_| Denied::Malformed("a signed header is not text"))?;
        if values.is_empty() {
            return Err(Denied::Malformed("a signed header is missing"));
        }
        lines.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    // All services but S3 encode the path once more.
    let path = encode(parts.uri.path().as_bytes(), true);
    let mut query: Vec<(String, String)> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encode(&decode(name), false), encode(&decode(value), false))
        })
        .collect();
    query.sort();
    let query: Vec<String> = query
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(format!(
        "{}\n{path}\n{}\n{lines}\n{}\n{body_hash}",
        parts.method,
        query.join("&"),
        signed.join(";")
    ))
}

/// A header's value with runs of spaces made one.
fn trim(value: &str) -> String {
    value
        .split(' ')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings};
    use aws_sigv4::sign::v4;
    use proptest::prelude::*;

    fn key() -> LocalCredentials {
        LocalCredentials {
            access_key_id: "AKIAEXAMPLE".into(),
            secret_access_key: "a+secret/with=signs".into(),
        }
    }

    /// AWS's own signer signs, this module verifies.
    fn signed_by_aws(uri: &str, body: &[u8], service: &str, when: SystemTime) -> Parts {
        let headers = [
            ("host", "127.0.0.1:4711"),
            ("x-amz-target", "SageMaker.ListModels"),
            ("x-spaces", "a   b"),
        ];
        let identity = aws_credential_types::Credentials::new("AKIAEXAMPLE", "a+secret/with=signs", None, None, "test");
        let identity = identity.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-west-1")
            .name(service)
            .time(when)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let signable = SignableRequest::new(
            "POST",
            format!("http://127.0.0.1:4711{uri}"),
            headers.into_iter(),
            SignableBody::Bytes(body),
        )
        .unwrap();
        let (instructions, _) = aws_sigv4::http_request::sign(signable, &params).unwrap().into_parts();
        let mut request = http::Request::builder().method("POST").uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut request = request.body(()).unwrap();
        instructions.apply_to_request_http1x(&mut request);
        request.into_parts().0
    }

    #[test]
    fn what_aws_signs_is_let_in() {
        let now = SystemTime::now();
        for uri in [
            "/",
            "/endpoints/shell-age/invocations",
            "/a%20b/c?y=2&x=%C3%A9&z",
            "/~x_.-/?a=1&a=0&b=",
        ] {
            let parts = signed_by_aws(uri, b"{}", "sagemaker", now);
            assert_eq!(
                verify(&parts, b"{}", &key(), now).map(|scope| scope.service),
                Ok("sagemaker".to_owned()),
                "{uri}"
            );
            assert!(covers_host(&parts));
        }
    }

    #[test]
    fn what_was_changed_is_not() {
        let now = SystemTime::now();
        let parts = signed_by_aws("/", b"{}", "sagemaker", now);
        assert_eq!(verify(&parts, b"{ }", &key(), now), Err(Denied::Mismatch));
        let mut other = parts.clone();
        other.headers.insert("host", "evil.example".parse().unwrap());
        assert_eq!(verify(&other, b"{}", &key(), now), Err(Denied::Mismatch));
        let mut other = parts.clone();
        other.uri = "/?x=1".parse().unwrap();
        assert_eq!(verify(&other, b"{}", &key(), now), Err(Denied::Mismatch));
        let mut stranger = key();
        stranger.secret_access_key.push('x');
        assert_eq!(verify(&parts, b"{}", &stranger, now), Err(Denied::Mismatch));
        stranger.access_key_id.push('x');
        assert_eq!(verify(&parts, b"{}", &stranger, now), Err(Denied::UnknownKey));
        assert_eq!(
            verify(&parts, b"{}", &key(), now + Duration::from_secs(16 * 60)),
            Err(Denied::Skewed)
        );
        let mut other = parts.clone();
        other.headers.remove("authorization");
        assert_eq!(verify(&other, b"{}", &key(), now), Err(Denied::Unsigned));
    }

    #[test]
    fn what_is_signed_twice_is_refused() {
        let mut parts = signed_by_aws("/", b"{}", "sagemaker", SystemTime::now());
        assert_eq!(scope_of(&parts).map(|scope| scope.service), Ok("sagemaker".to_owned()));
        parts.uri = "/?X-Amz-Signature=00".parse().unwrap();
        assert!(matches!(scope_of(&parts), Err(Denied::Malformed(_))));
    }

    #[test]
    fn what_we_sign_we_let_in() {
        let now = SystemTime::now();
        let (date, authorization) = sign(
            "POST",
            "/_ironsage/stop",
            &[("host", "127.0.0.1:1")],
            b"",
            &key(),
            "us-east-1",
            "ironsage",
            now,
        );
        let parts = http::Request::builder()
            .method("POST")
            .uri("/_ironsage/stop")
            .header("host", "127.0.0.1:1")
            .header("x-amz-date", date)
            .header("authorization", authorization)
            .body(())
            .unwrap()
            .into_parts()
            .0;
        assert_eq!(
            verify(&parts, b"", &key(), now).map(|scope| scope.service),
            Ok("ironsage".to_owned())
        );
    }

    proptest! {
        #[test]
        fn headers_never_panic(header in "\\PC{0,200}", query in "[ -~]{0,80}") {
            let _ = parse_header(&header);
            let _ = parse_header(&format!("AWS4-HMAC-SHA256 Credential={header}"));
            let _ = query_value(&query, "X-Amz-Credential");
        }
    }
}
