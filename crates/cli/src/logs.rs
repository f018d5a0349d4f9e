//! Logs: what happens inside, on stderr, for whoever asks.
//!
//! Which events exist and at which level is decided where they happen; here only how many of them are seen: `-v`, else
//! `LANDLINE_LOG`, else `log` in `config.toml`, else warnings.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::fail::Fail;

/// Starts logging, once in a process. `directive`: a level, or `target=level` parts joined by commas.
///
/// # Errors
/// If `directive` is neither.
pub(crate) fn start(directive: &str) -> Result<(), Fail> {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter(directive)?)
        .with_writer(io::stderr)
        .with_target(true)
        .finish();
    // The second start in one process, as in tests, changes nothing.
    drop(subscriber.try_init());
    Ok(())
}

/// The level for a number of `-v`.
pub(crate) fn of_verbosity(count: u8) -> Option<&'static str> {
    match count {
        0 => None,
        1 => Some("info"),
        2 => Some("debug"),
        3.. => Some("trace"),
    }
}

/// Reads a directive.
///
/// # Errors
/// If it is none.
pub(crate) fn filter(directive: &str) -> Result<EnvFilter, Fail> {
    // A bare word that is no level would be taken for the name of a module, and show nothing.
    let bare_words_are_levels = directive.split(',').filter(|part| !part.contains('=')).all(is_level);
    EnvFilter::try_new(directive).ok().filter(|_| bare_words_are_levels).ok_or_else(|| {
        Fail::usage(format_args!("{directive:?} is no log level"))
            .hint("use one of off, error, warn, info, debug, trace; or parts like landline_net=debug,info")
    })
}

fn is_level(word: &str) -> bool {
    !word.trim().is_empty() && word.trim().parse::<LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_parts_are_directives() {
        for directive in ["warn", "off", "landline_net=debug", "landline_net=debug,info"] {
            assert!(filter(directive).is_ok(), "{directive}");
        }
        for directive in ["", "loud", "landline_net=loud", "info,nonsense"] {
            assert!(filter(directive).is_err(), "{directive:?}");
        }
    }

    #[test]
    fn each_v_shows_more() {
        assert_eq!(
            [0, 1, 2, 3, 9].map(of_verbosity),
            [None, Some("info"), Some("debug"), Some("trace"), Some("trace")]
        );
    }
}
