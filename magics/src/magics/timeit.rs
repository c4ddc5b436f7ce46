//! `%timeit` and `%%timeit`: how long a magic, a query or a shell command takes, over many runs whose output is thrown
//! away. As in IPython, a repeat is as many runs as fill a fifth of a second, and the repeats give mean and deviation.
//! Rust is not measured here: it would be compiled each time, and the compiler is what one would see.

use std::time::{Duration, Instant};

use clap::value_parser;
use ironsage_display::{Bundle, DisplayId, Front, Stream, note, text as words};

use crate::error::MagicError;
use crate::magic::{Call, Form, Group, Magic, Tail};
use crate::run;
use crate::session::Session;

/// How long a repeat should take.
const REPEAT: Duration = Duration::from_millis(200);
/// How long all repeats may take, where nobody says how many.
const ALL: Duration = Duration::from_secs(10);
/// IPython's.
const REPEATS: u32 = 7;

/// How long a magic, a query or a shell command takes, over many runs
///
/// What the runs show is thrown away; what they bind stays, as of the last one. The first run is not counted.
#[derive(clap::Args)]
pub(crate) struct TimeIt {
    /// Runs in a repeat; without it, as many as fill 0.2 s
    #[arg(short = 'n', long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    number: Option<u32>,
    /// Repeats; without it 7, or fewer where they would take more than 10 s
    #[arg(short = 'r', long, value_name = "R", value_parser = value_parser!(u32).range(1..))]
    repeat: Option<u32>,
}

impl Magic for TimeIt {
    const NAME: &'static str = "timeit";
    const FORM: Form = Form::LineOrCell;
    const GROUP: Group = Group::Notebook;
    const TAIL: Tail = Tail::Raw;
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        (
            "%timeit %sql SELECT sex, avg(rings) FROM abalone GROUP BY sex",
            "a query, as often as it takes to tell",
        ),
        (
            "%%timeit -n 1 -r 3\n%load s3://shells/raw/abalone.csv -o abalone\n%profile abalone",
            "two magics, one after the other, three times",
        ),
    ];

    fn keeps_braces(&self) -> bool {
        // Each run inserts its own values.
        true
    }

    fn run(self, call: &Call, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        let steps = steps(&call.tail, call.body.as_deref())?;
        let silent = Silent(front);
        let once = || -> Result<Duration, MagicError> {
            if front.interrupted() {
                return Err(MagicError::interrupted("the timing was stopped"));
            }
            let started = Instant::now();
            for step in &steps {
                step.run(session, &silent)?;
            }
            Ok(started.elapsed())
        };
        once()?;
        let number = match self.number {
            Some(number) => number,
            None => {
                let run = once()?.max(Duration::from_nanos(1));
                u32::try_from(REPEAT.as_nanos().div_ceil(run.as_nanos())).unwrap_or(u32::MAX)
            }
        };
        let mut each = Vec::new();
        let started = Instant::now();
        while each.len() < self.repeat.unwrap_or(REPEATS) as usize {
            let mut all = Duration::ZERO;
            for _ in 0..number {
                all += once()?;
            }
            each.push(all.as_secs_f64() / f64::from(number));
            let another = started.elapsed() / each.len() as u32;
            if self.repeat.is_none() && started.elapsed() + another > ALL {
                break;
            }
        }
        front.display(&note(told(&each, number)));
        Ok(())
    }
}

/// One thing to run.
enum Step {
    Magic { line: String, body: Option<String> },
    Shell(String),
}

impl Step {
    fn run(&self, session: &Session, front: &dyn Front) -> Result<(), MagicError> {
        match self {
            Step::Magic { line, body } => run::run_line(line, body.as_deref(), session, front),
            Step::Shell(command) => run::run_shell(command, session, front),
        }
    }
}

/// What a line or a body asks to be timed: magics and shell commands, one a line, or a `%%` cell.
fn steps(line: &str, body: Option<&str>) -> Result<Vec<Step>, MagicError> {
    let text = match body {
        Some(body) => format!("{line}\n{body}"),
        None => line.to_owned(),
    };
    let text = text.trim_start();
    if let Some(cell) = text.strip_prefix("%%") {
        let (line, body) = cell.split_once('\n').unwrap_or((cell, ""));
        return Ok(vec![Step::Magic {
            line: line.to_owned(),
            body: Some(body.to_owned()),
        }]);
    }
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim_end);
    let steps: Vec<Step> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .map(|line| match (line.strip_prefix('%'), line.strip_prefix('!')) {
            (Some(magic), _) => Ok(Step::Magic {
                line: magic.to_owned(),
                body: None,
            }),
            (_, Some(command)) => Ok(Step::Shell(command.to_owned())),
            _ => Err(is_rust(line)),
        })
        .collect::<Result<_, _>>()?;
    match steps.is_empty() {
        true => Err(MagicError::usage("%timeit has nothing to run")
            .with_hint("`%timeit %sql SELECT …`, or `%%timeit` with magics below it")),
        false => Ok(steps),
    }
}

fn is_rust(line: &str) -> MagicError {
    let name = run::name_of(line);
    if crate::magics::help::names().contains(&name) {
        return MagicError::usage(format!("`{name}` stands without its percent sign"))
            .with_hint(format!("`%timeit %{}`", line.trim()));
    }
    MagicError::usage("%timeit runs magics and shell commands; Rust would be compiled in each run")
        .with_hint("`%%time` times a Rust cell once, compiling and all; a loop around it between two `std::time::Instant::now()` times what it does")
}

/// `1.23 ms ± 0.04 ms a run (7 repeats of 162 runs)`.
fn told(each: &[f64], number: u32) -> String {
    let mean = each.iter().sum::<f64>() / each.len() as f64;
    let squares = each.iter().map(|run| (run - mean).powi(2)).sum::<f64>();
    let deviation = (squares / each.len() as f64).sqrt();
    let (scale, unit) = match mean {
        ..1e-6 => (1e9, "ns"),
        1e-6..1e-3 => (1e6, "µs"),
        1e-3..1.0 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    let shown = |seconds: f64, digits| format!("{} {unit}", words::significant(seconds * scale, digits));
    let spread = match each.len() {
        1 => String::new(),
        _ => format!(" ± {}", shown(deviation, 2)),
    };
    format!(
        "{}{spread} a run ({} of {})",
        shown(mean, 3),
        words::counted(each.len() as u64, "repeat"),
        words::counted(u64::from(number), "run")
    )
}

/// A front that shows nothing, and still knows when to stop.
struct Silent<'a>(&'a dyn Front);

impl Front for Silent<'_> {
    fn display(&self, _bundle: &Bundle) {}

    fn display_live(&self, _bundle: &Bundle) -> DisplayId {
        DisplayId(String::new())
    }

    fn update(&self, _id: &DisplayId, _bundle: &Bundle) {}

    fn stream(&self, _stream: Stream, _text: &str) {}

    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }

    fn quiet(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_deviation_have_a_unit_that_fits() {
        assert_eq!(told(&[0.001, 0.003], 5), "2 ms ± 1 ms a run (2 repeats of 5 runs)");
        assert_eq!(told(&[2.5], 1), "2.5 s a run (1 repeat of 1 run)");
        assert_eq!(told(&[2.5e-6], 1000), "2.5 µs a run (1 repeat of 1,000 runs)");
    }
}
