//! Asks the port who is there, with a signed request, and believes only an answer that proves
//! knowledge of the user's key. Plain blocking sockets: this runs where no runtime does.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, SystemTime};

use ironsage_contract::{LocalCredentials, ServiceInfo};

use super::proof::is_proof;
use crate::router::{CONTROL, NONCE, PROOF};
use crate::signature::sign;

/// How long one step of a request may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest answer that is read.
const MAX_ANSWER: u64 = 64 * 1024;

fn ask(
    port: u16,
    region: &str,
    key: &LocalCredentials,
    method: &str,
    path: &str,
    nonce: &str,
) -> std::io::Result<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let host = format!("127.0.0.1:{port}");
    let headers = [("host", host.as_str()), (NONCE, nonce)];
    let (date, authorization) = sign(method, path, &headers, b"", key, region, CONTROL, SystemTime::now());
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{NONCE}: {nonce}\r\nx-amz-date: {date}\r\nauthorization: {authorization}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
    Ok(answer)
}

/// The status, the headers in lower case, and the body.
type Parsed<'a> = (u16, Vec<(String, String)>, &'a [u8]);

fn parse(answer: &[u8]) -> Option<Parsed<'_>> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some((status, headers, &answer[end + 4..]))
}

/// Who answers on this port, if it is the service with this key.
pub fn identity(port: u16, region: &str, key: &LocalCredentials) -> Option<ServiceInfo> {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    let answer = ask(port, region, key, "GET", "/_ironsage/identity", &nonce).ok()?;
    let (status, headers, body) = parse(&answer)?;
    let proof = headers
        .iter()
        .find(|(name, _)| name == PROOF)
        .map(|(_, value)| value.as_str())?;
    if status != 200 || !is_proof(key, &[nonce.as_bytes(), body].concat(), proof) {
        return None;
    }
    serde_json::from_slice::<ServiceInfo>(body)
        .ok()
        .filter(|info| info.port == port)
}

/// Asks the service to stop; whether it said yes.
pub fn ask_to_stop(info: &ServiceInfo, key: &LocalCredentials) -> bool {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    ask(info.port, &info.region, key, "POST", "/_ironsage/stop", &nonce)
        .ok()
        .and_then(|answer| parse(&answer).map(|(status, ..)| status))
        .is_some_and(|status| status == 200)
}
