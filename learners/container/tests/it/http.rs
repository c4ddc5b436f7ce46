//! A small HTTP/1.1 client: one keep-alive connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

pub struct Connection {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The two parts of an error's answer.
    pub fn refusal(&self) -> (String, String) {
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        let part = |name: &str| value[name].as_str().unwrap_or("").to_owned();
        (part("message"), part("hint"))
    }

    pub fn scores(&self) -> Vec<f64> {
        assert_eq!(self.status, 200, "{}", self.text());
        let value: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        value["predictions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["score"].as_f64().unwrap())
            .collect()
    }
}

impl Connection {
    pub fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection {
            stream: BufReader::new(stream),
        }
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    pub fn invoke(&mut self, content_type: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send("POST", "/invocations", &[("content-type", content_type)], body.as_ref())
    }

    pub fn invoke_for(&mut self, content_type: &str, accept: &str, body: impl AsRef<[u8]>) -> Answer {
        let headers = [("content-type", content_type), ("accept", accept)];
        self.send("POST", "/invocations", &headers, body.as_ref())
    }

    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: model\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        self.stream.get_mut().write_all(&request).unwrap();
        self.read()
    }

    fn read(&mut self) -> Answer {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let (mut length, mut content_type) = (0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "content-type" => value.trim().clone_into(&mut content_type),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer {
            status,
            content_type,
            body,
        }
    }
}
