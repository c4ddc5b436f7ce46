//! A question of a cell's to the person in front of it.
//!
//! A person may take minutes, so nothing waits for the answer but the cell's own thread: each
//! question has a thread here and a socket of its own, on which the answer goes back. Output goes on
//! meanwhile. When the process that asked is gone, its end of the socket is closed, and the question
//! is withdrawn.

use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ironsage_exchange::wire::{Reply, send};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::Outputs;

/// How long a look for the end of the process that asked may take.
const LOOK_EVERY: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

/// What a cell asks. When this is dropped, the cell learns that nobody answers.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) prompt: String,
    pub(crate) password: bool,
    /// Where the answer goes.
    pub(crate) answer: UnixStream,
}

impl Question {
    /// Asks, and sends the answer to the cell; returns when there is one, or nobody waits for it any more.
    pub(crate) fn put(self, outputs: &dyn Outputs) {
        let answered = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let answer = outputs.input(&self.prompt, self.password);
                answered.store(true, Ordering::SeqCst);
                let reply = match answer {
                    Ok(text) => Reply::Answer { text },
                    Err(reason) => Reply::Refused { reason },
                };
                // Who asked may be gone.
                let _ = send(&self.answer, &reply, &[]);
            });
            while !asking.is_finished() {
                if is_closed(&self.answer) {
                    if !answered.load(Ordering::SeqCst) {
                        outputs.withdraw();
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        });
    }
}

/// Whether the other end was closed within a moment.
fn is_closed(socket: &UnixStream) -> bool {
    // That the other end has hung up is told unasked.
    let mut watched = [PollFd::new(socket, PollFlags::empty())];
    match poll(&mut watched, Some(&LOOK_EVERY)) {
        Ok(_) => !watched[0].revents().is_empty(),
        // Interrupted: the next look will tell.
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Instant;

    use ironsage_exchange::wire::receive;
    use parking_lot::Mutex;
    use serde_json::{Map, Value};

    use super::*;
    use crate::MimeBundle;

    /// A person who answers what they are told to, or sits there until the question is withdrawn.
    struct Person {
        answers: Mutex<Receiver<Result<String, String>>>,
        withdraw: Mutex<Sender<Result<String, String>>>,
    }

    impl Person {
        fn new() -> (Person, Sender<Result<String, String>>) {
            let (say, answers) = channel();
            let person = Person {
                answers: Mutex::new(answers),
                withdraw: Mutex::new(say.clone()),
            };
            (person, say)
        }
    }

    impl Outputs for Person {
        fn stdout(&self, _: &str) {}
        fn stderr(&self, _: &str) {}
        fn display(&self, _: MimeBundle, _: Map<String, Value>, _: Option<&str>) {}
        fn update(&self, _: MimeBundle, _: Map<String, Value>, _: &str) {}
        fn clear(&self, _: bool) {}
        fn input(&self, _: &str, _: bool) -> Result<String, String> {
            self.answers.lock().recv().unwrap()
        }
        fn withdraw(&self) {
            self.withdraw.lock().send(Err("withdrawn".to_owned())).unwrap();
        }
    }

    fn question() -> (Question, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let question = Question {
            prompt: "Rings? ".to_owned(),
            password: false,
            answer: theirs,
        };
        (question, ours)
    }

    #[test]
    fn the_answer_goes_to_who_asked() {
        for (said, expected) in [
            (Ok("15".to_owned()), Reply::Answer { text: "15".to_owned() }),
            (
                Err("nobody is there".to_owned()),
                Reply::Refused {
                    reason: "nobody is there".to_owned(),
                },
            ),
        ] {
            let (person, say) = Person::new();
            let (question, ours) = question();
            say.send(said).unwrap();
            question.put(&person);
            let (reply, _): (Reply, _) = receive(&ours).unwrap().unwrap();
            assert_eq!(reply, expected);
            assert!(receive::<Reply>(&ours).unwrap().is_none(), "and no more comes");
        }
    }

    #[test]
    fn a_question_of_a_process_that_is_gone_is_withdrawn() {
        let (person, _say) = Person::new();
        let (question, ours) = question();
        drop(ours);
        let begun = Instant::now();
        question.put(&person);
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn an_open_question_is_not_withdrawn() {
        let (person, say) = Person::new();
        let (question, ours) = question();
        std::thread::scope(|scope| {
            scope.spawn(|| question.put(&person));
            std::thread::sleep(Duration::from_millis(120));
            say.send(Ok("late".to_owned())).unwrap();
            let (reply, _): (Reply, _) = receive(&ours).unwrap().unwrap();
            assert_eq!(
                reply,
                Reply::Answer {
                    text: "late".to_owned()
                }
            );
        });
    }
}
