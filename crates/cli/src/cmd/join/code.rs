//! Where the code comes from: an argument, a file, the environment, or a person at the terminal.
//!
//! Never echoed back, and wiped from memory where it is ours.

use std::io::{self, Read};
use std::path::Path;

use landline_addr::code::{Code, CodeError};
use zeroize::Zeroizing;

use crate::fail::Fail;
use crate::here::Here;
use crate::out::Out;

/// The variable that may hold the code.
const VARIABLE: &str = "LANDLINE_CODE";
/// Bytes read of a code file: several times the longest code, generously spaced.
const MAX_FILE: u64 = 1024;
/// How often a person may mistype before the program gives up: slips are found without asking the other machine.
const TRIES: usize = 3;

/// Finds and reads the code.
///
/// # Errors
/// If there is none and nobody to ask, or if it can't be one.
pub(crate) async fn find(here: &Here, argument: Option<&str>, file: Option<&Path>) -> Result<Code, Fail> {
    if let Some(code) = argument {
        return parse(code).map_err(|fault| not_a_code("--code", fault));
    }
    if let Some(file) = file {
        let text = read(file)?;
        return parse(&text).map_err(|fault| not_a_code(&format!("the file {}", file.display()), fault));
    }
    if let Ok(code) = std::env::var(VARIABLE).map(Zeroizing::new)
        && !code.trim().is_empty()
    {
        return parse(&code).map_err(|fault| not_a_code(VARIABLE, fault));
    }
    if !here.out.can_ask() {
        return Err(Fail::usage("no code was given, and there is no terminal to ask for it").hint(format_args!(
            "write the code into a file and give --code-file FILE (- is standard input), or set {VARIABLE}"
        )));
    }
    let (tell, told) = tokio::sync::oneshot::channel();
    let (out, mut open) = (here.out.clone(), OpenLine { out: &here.out, open: true });
    // A thread of its own: the runtime waits for those that it knows, and a person who was asked may never answer.
    std::thread::spawn(move || drop(tell.send(ask(&out))));
    let answer = told.await.map_err(|_| Fail::internal("the question could not be asked"))?;
    open.open = false;
    answer
}

/// The line of a question, which Ctrl-C leaves open: what is said next stands on a line of its own.
struct OpenLine<'a> {
    out: &'a Out,
    open: bool,
}

impl Drop for OpenLine<'_> {
    fn drop(&mut self) {
        if self.open {
            self.out.ask("\n");
        }
    }
}

fn ask(out: &Out) -> Result<Code, Fail> {
    let mut last = CodeError::Shape;
    for _ in 0..TRIES {
        out.ask("Code: ");
        let mut text = Zeroizing::new(String::new());
        let read = io::stdin().read_line(&mut text).map_err(|fault| Fail::io("cannot read the code", &fault))?;
        if read == 0 {
            out.ask("\n");
            return Err(Fail::usage("no code was typed"));
        }
        match parse(&text) {
            Ok(code) => return Ok(code),
            Err(fault) => {
                out.warn(fault);
                last = fault;
            }
        }
    }
    Err(not_a_code("what was typed", last))
}

fn parse(text: &str) -> Result<Code, CodeError> {
    text.trim().parse()
}

fn read(file: &Path) -> Result<Zeroizing<String>, Fail> {
    let mut text = Zeroizing::new(String::new());
    let read = if file == Path::new("-") {
        io::stdin().take(MAX_FILE).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
    };
    match read {
        Ok(_) => Ok(text),
        Err(fault) => Err(Fail::io(format_args!("cannot read the code from {}", file.display()), &fault)),
    }
}

fn not_a_code(origin: &str, fault: CodeError) -> Fail {
    Fail::usage(format_args!("{origin} holds no code: {fault}")).hint("the code was not used; correct it and try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_end_its_line_and_a_person_may_use_spaces() {
        assert_eq!(parse("7-abandon-zoo\n").unwrap(), parse(" 7 Abandon ZOO ").unwrap());
    }

    #[test]
    fn what_is_no_code_is_a_usage_error_that_does_not_repeat_it() {
        let fail = not_a_code("--code", parse("7-abandon-secretive").unwrap_err());
        assert_eq!(fail.exit(), crate::exit::Exit::Usage);
        assert!(!format!("{fail:?}").contains("secretive"), "{fail:?}");
    }
}
