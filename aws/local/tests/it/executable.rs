//! What the tests start: `local run` is the service itself, `serve` a container of a few lines
//! that keeps the real contract and does what its model's `behaviour` file and the requests'
//! bodies say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, clippy::exit)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use ironsage_contract::Home;
use ironsage_local::{ServeOptions, serve};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["local", "run"] => {
            let (home, executable) = (Home::from_env().unwrap(), std::env::current_exe().unwrap());
            if let Err(error) = ServeOptions::from_env(home, executable, None).and_then(serve) {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        ["serve"] => container(),
        other => panic!("unknown arguments {other:?}"),
    }
}

fn container() {
    let model = std::env::var("IRONSAGE_MODEL_DIR").unwrap();
    let behaviour = std::fs::read_to_string(format!("{model}/behaviour")).unwrap_or_default();
    let behaviour = behaviour.trim().to_owned();
    if behaviour == "broken" {
        eprintln!("loading the model");
        eprintln!("ValueError: the weights are broken");
        std::process::exit(3);
    }
    let port: u16 = std::env::var("SAGEMAKER_BIND_TO_PORT").unwrap().parse().unwrap();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for stream in listener.incoming() {
        let behaviour = behaviour.clone();
        std::thread::spawn(move || {
            let _ = answer(stream.unwrap(), &behaviour);
        });
    }
}

fn answer(mut stream: TcpStream, behaviour: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut length, mut headers) = (0, Vec::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().unwrap();
        }
        headers.push(format!("{name}={value}"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let text = String::from_utf8_lossy(&body).into_owned();
    let (status, kind, answer) = if first.starts_with("GET /ping") {
        let status = if behaviour == "sick" {
            "500 Internal Server Error"
        } else {
            "200 OK"
        };
        (status, "text/plain", String::new())
    } else {
        match text.as_str() {
            "crash" => std::process::exit(9),
            "fail" => ("400 Bad Request", "text/plain", "no such column: rings".to_owned()),
            "slow" => {
                std::thread::sleep(Duration::from_millis(300));
                ("200 OK", "text/plain", format!("{behaviour} slow"))
            }
            "environment" => {
                let mut all: Vec<String> = std::env::vars()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                all.push(format!("cwd={}", std::env::current_dir()?.display()));
                all.push(format!("pid={}", std::process::id()));
                all.extend(headers);
                ("200 OK", "text/plain", all.join("\n"))
            }
            other => ("200 OK", "text/csv", format!("{behaviour} answers {other}")),
        }
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nx-amzn-sagemaker-custom-attributes: c=1\r\nconnection: close\r\n\r\n{answer}",
        answer.len()
    )
}
