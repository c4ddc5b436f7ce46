//! A toy engine: a cell is a list of commands, one a line, each of which makes
//! one thing happen that a protocol test wants to see.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ironsage_protocol::{
    CellFailure, Completeness, Completions, Engine, EngineInfo, ExecuteRequest, HelpLink, Match, MimeBundle, Outputs,
};
use parking_lot::{Condvar, Mutex};

#[derive(Default)]
pub struct Toy {
    interrupted: Mutex<bool>,
    woken: Condvar,
    pub ended: Arc<AtomicBool>,
}

impl Toy {
    /// Waits for an interrupt, at most this long; says whether one came.
    fn wait(&self, limit: Duration) -> bool {
        let mut interrupted = self.interrupted.lock();
        self.woken.wait_while_for(&mut interrupted, |came| !*came, limit);
        *interrupted
    }

    fn command(&self, line: &str, outputs: &Outputs) -> Result<(), CellFailure> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse::<u64>().unwrap();
        match word {
            "print" => outputs.stdout(&format!("{rest}\n")),
            "eprint" => outputs.stderr(&format!("{rest}\n")),
            "lines" => {
                for line in 0..number() {
                    outputs.stdout(&format!("{line}\n"));
                }
            }
            "displays" => {
                for shown in 0..number() {
                    outputs.display(&MimeBundle::text(shown.to_string()), None);
                }
            }
            "large" => {
                let html = "x".repeat(number() as usize);
                outputs.display(&MimeBundle::text("large").with("text/html", html), None);
            }
            "display" => outputs.display(&MimeBundle::text(rest), None),
            "live" => outputs.display(&MimeBundle::text(rest), Some("live")),
            "update" => outputs.update(&MimeBundle::text(rest), "live"),
            "result" => outputs.result(&MimeBundle::text(rest)),
            "clear" => outputs.clear(true),
            "page" => outputs.page(&MimeBundle::text(rest)),
            "ask" => outputs.stdout(&format!("{}\n", outputs.input(rest, false)?)),
            "password" => outputs.stdout(&format!("{}\n", outputs.input(rest, true)?)),
            "sleep" => {
                if self.wait(Duration::from_millis(number())) {
                    return Err(CellFailure::new("KeyboardInterrupt", "stopped"));
                }
            }
            "deaf" => std::thread::sleep(Duration::from_millis(number())),
            "fail" => return Err(CellFailure::new("ToyError", rest)),
            "panic" => panic!("{rest}"),
            _ => return Err(CellFailure::new("UnknownCommand", line)),
        }
        Ok(())
    }
}

impl Engine for Toy {
    fn info(&self) -> EngineInfo {
        EngineInfo {
            implementation: "toy".to_owned(),
            version: "1.2.3".to_owned(),
            language_version: "1.95".to_owned(),
            banner: "a toy".to_owned(),
            help_links: vec![HelpLink {
                text: "help".to_owned(),
                url: "https://example.org".to_owned(),
            }],
        }
    }

    fn execute(&self, request: &ExecuteRequest, outputs: &Outputs) -> Result<(), CellFailure> {
        // An interrupt may have come between the cell's beginning and here.
        *self.interrupted.lock() = outputs.interrupted();
        if request.code == "tags" {
            outputs.stdout(&format!("{:?} {:?}", request.tags, request.cell_id));
            return Ok(());
        }
        request.code.lines().try_for_each(|line| self.command(line, outputs))
    }

    /// Completes the word before the cursor; the cursor itself is shown as a candidate.
    fn complete(&self, code: &str, cursor: usize) -> Completions {
        if code == "panic" {
            panic!("in completion");
        }
        let start = code[..cursor].rfind(' ').map_or(0, |at| at + 1);
        let kind = Some("keyword".to_owned());
        Completions {
            matches: vec![
                Match {
                    text: format!("{}!", &code[start..cursor]),
                    kind,
                    signature: Some("(now)".to_owned()),
                },
                Match {
                    text: format!("byte{cursor}"),
                    ..Match::default()
                },
            ],
            start,
            end: cursor,
        }
    }

    fn inspect(&self, code: &str, cursor: usize, detail: u8) -> Option<MimeBundle> {
        (!code.is_empty()).then(|| MimeBundle::text(format!("{} {detail}", &code[..cursor])))
    }

    fn is_complete(&self, code: &str) -> Completeness {
        match code {
            "{" => Completeness::Incomplete {
                indent: "    ".to_owned(),
            },
            "}" => Completeness::Invalid,
            "?" => Completeness::Unknown,
            _ => Completeness::Complete,
        }
    }

    fn evaluate(&self, expression: &str) -> Result<MimeBundle, CellFailure> {
        match expression {
            "bad" => Err(CellFailure::new("ToyError", "bad expression")),
            _ => Ok(MimeBundle::text(expression.to_uppercase())),
        }
    }

    fn interrupt(&self) {
        *self.interrupted.lock() = true;
        self.woken.notify_all();
    }

    fn shutdown(&self, _restart: bool) {
        self.ended.store(true, Ordering::SeqCst);
    }
}
