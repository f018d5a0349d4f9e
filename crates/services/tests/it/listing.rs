//! Listings of directories that somebody filled to annoy.

use std::os::unix::fs::symlink;

use landline_addr::path::SharePath;

use crate::site::{Site, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_long_escaped_names_and_far_links_can_be_listed() {
    let site = Site::open().await.introduced().await;
    for n in 0..70u8 {
        let number = char::from(b'0' + n / 8).to_string() + &char::from(b'0' + n % 8).to_string();
        write(&site.share().join(format!("{number}{}", "\u{1}".repeat(253))), b"");
        symlink(format!("/{}", "\u{1}".repeat(4000)), site.share().join(format!("link{number}"))).unwrap();
    }
    let listed = site.files().await.list(&SharePath::root()).await.unwrap();
    assert_eq!(listed.len(), 140);
    assert!(listed.iter().filter(|entry| entry.link_target.is_some()).count() == 70);
    assert!(listed.is_sorted_by(|a, b| a.name < b.name));
    assert_eq!(site.stops().await, 0);
}
