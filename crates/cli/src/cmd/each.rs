//! Several places in one command: each is tried, whatever became of the others.

use crate::exit::Exit;
use crate::fail::Fail;
use crate::here::Here;
use crate::place::Remote;

/// Does `work` for each place. Partial if some could be done and some not; if none, the code of the first failure.
///
/// # Errors
/// The failure, if there was only one place.
pub(crate) async fn each(
    here: &Here,
    places: &[Remote],
    mut work: impl AsyncFnMut(&Remote) -> Result<(), Fail>,
) -> Result<Exit, Fail> {
    let (mut done, mut first) = (0_usize, None);
    for place in places {
        match work(place).await {
            Ok(()) => done += 1,
            Err(fail) if places.len() == 1 => return Err(fail),
            Err(fail) => {
                here.out.fail(&fail);
                first.get_or_insert(fail.exit());
            }
        }
    }
    Ok(match first {
        None => Exit::Done,
        Some(_) if done > 0 => Exit::Partial,
        Some(exit) => exit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::Out;

    fn outcome(fails: &[bool]) -> Result<Exit, Fail> {
        let here = Here::new(Out::new(false, true), 0, None);
        let place = Remote {
            machine: landline_addr::contact::Machine::Localhost,
            start: landline_services::files::ask::Start::Own,
            path: landline_addr::path::SharePath::root(),
            as_folder: true,
        };
        let mut fails_left = fails.iter();
        let work = async |_: &Remote| match fails_left.next() {
            Some(true) => Err(Fail::new(Exit::NotFound, "nothing there")),
            _ => Ok(()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(each(&here, &vec![place; fails.len()], work))
    }

    #[test]
    fn one_failure_does_not_keep_the_others_from_being_done() {
        assert_eq!(outcome(&[false, false]), Ok(Exit::Done));
        assert_eq!(outcome(&[true, false]), Ok(Exit::Partial));
        assert_eq!(outcome(&[true, true]), Ok(Exit::NotFound));
        assert_eq!(outcome(&[true]).unwrap_err().exit(), Exit::NotFound);
    }
}
