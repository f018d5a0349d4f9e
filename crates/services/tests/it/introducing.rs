//! Introductions between two machines.

use landline_addr::code::Code;
use landline_services::introduce::{JoinError, join};
use landline_store::{Codes as _, Keys as _};

use crate::site::Site;

/// Another code with the same number.
fn wrong(code: &Code) -> Code {
    let other = Code::from_random(code.number(), [1, 2, 3, 4]);
    if *other.secret() == *code.secret() { Code::from_random(code.number(), [9, 9, 9, 9]) } else { other }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_code_makes_each_know_the_others_key() {
    let site = Site::open().await;
    let met = join(&site.laptop, &site.endpoint(), &site.code, "laptop").await.unwrap();
    assert_eq!(met.key, site.desk.dialer().public());
    assert_eq!(met.host_label, "desk");
    let enrolled = site.desk.store().list_keys().await.unwrap();
    assert_eq!(enrolled.len(), 1);
    assert_eq!((enrolled[0].key, enrolled[0].label.as_str()), (site.laptop.dialer().public(), "laptop"));
    assert_eq!(site.stops().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_code_is_burned_so_the_right_one_comes_too_late() {
    let site = Site::open().await;
    let first = join(&site.laptop, &site.endpoint(), &wrong(&site.code), "laptop").await;
    assert!(matches!(first, Err(JoinError::NoMatch)), "{first:?}");
    let second = join(&site.laptop, &site.endpoint(), &site.code, "laptop").await;
    assert!(matches!(second, Err(JoinError::NoMatch)), "{second:?}");
    assert!(site.desk.store().list_keys().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once() {
    let site = Site::open().await.introduced().await;
    let again = join(&site.desk, &site.endpoint(), &site.code, "another").await;
    assert!(matches!(again, Err(JoinError::NoMatch)), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_no_code_has_ends_like_a_wrong_code_and_burns_nothing() {
    let site = Site::open().await;
    let nobody = Code::from_random(site.code.number() + 1, [1, 2, 3, 4]);
    let refused = join(&site.laptop, &site.endpoint(), &nobody, "laptop").await;
    assert!(matches!(refused, Err(JoinError::NoMatch)), "{refused:?}");
    let open = site.desk.store().list_codes(std::time::SystemTime::now()).await.unwrap();
    assert_eq!(open.len(), 1);
    join(&site.laptop, &site.endpoint(), &site.code, "laptop").await.unwrap();
}
