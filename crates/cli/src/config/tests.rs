use super::*;

fn load(flags: &Flags, variables: &[(&str, &str)], text: Option<&str>) -> Result<Settings, Fail> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    if let Some(text) = text {
        std::fs::write(&path, text).unwrap();
    }
    let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value));
    Settings::load(flags, &find, &path)
}

fn wrong(variables: &[(&str, &str)], text: &str) -> String {
    let fail = load(&Flags::default(), variables, Some(text)).unwrap_err();
    assert_eq!(fail.exit(), crate::exit::Exit::Usage, "{fail:?}");
    fail.what().to_owned()
}

#[test]
fn without_any_word_the_defaults_hold() {
    let settings = load(&Flags::default(), &[], None).unwrap();
    assert_eq!(settings.listen.value, vec!["tcp://*:5463".parse().unwrap()]);
    assert_eq!(settings.share, Setting { value: None, origin: Origin::Default });
    assert!(!settings.read_only.value);
    assert_eq!((settings.grace.value, settings.code_life.value), (Duration::from_secs(30), Duration::from_secs(600)));
    assert_eq!(settings.log, Setting { value: "warn".to_owned(), origin: Origin::Default });
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let text = "listen = [\"tcp://*:1\"]\nread_only = true\ngrace_seconds = 5\nshare = \"/file\"\n";
    let variables = [("LANDLINE_LISTEN", "tcp://*:2, [::1]:3"), ("LANDLINE_GRACE", "7"), ("LANDLINE_SHARE", "")];
    let flags = Flags { grace_seconds: Some(9), ..Flags::default() };
    let settings = load(&flags, &variables, Some(text)).unwrap();
    assert_eq!(settings.grace, Setting { value: Duration::from_secs(9), origin: Origin::Flag("--grace") });
    assert_eq!(settings.listen.origin, Origin::Environment("LANDLINE_LISTEN"));
    assert_eq!(settings.listen.value.len(), 2);
    assert!(
        matches!(&settings.read_only, Setting { value: true, origin: Origin::File(path) } if path.ends_with("config.toml"))
    );
    assert_eq!(settings.share.value.as_deref(), Some(Path::new("/file")), "an empty variable counts as unset");
}

#[test]
fn a_flag_can_take_back_what_the_file_says() {
    let flags = Flags { read_only: Some(false), ..Flags::default() };
    assert!(!load(&flags, &[], Some("read_only = true\n")).unwrap().read_only.value);
}

#[test]
fn an_unknown_key_is_an_error_with_its_line() {
    let what = wrong(&[], "read_only = true\n\nlisen = [\":1\"]\n");
    assert!(
        what.contains("config.toml line 3") && what.contains("unknown key `lisen`") && what.contains("listen"),
        "{what}"
    );
}

#[test]
fn a_value_that_cannot_be_is_an_error_with_its_line() {
    for (text, line, word) in [
        ("\nlisten = [\":70000\"]\n", 2, "0..=65535"),
        ("listen = []\n", 1, "no endpoint"),
        ("read_only = 1\n", 1, "boolean"),
        ("\n\nshare = \"relative\"\n", 3, "absolute"),
        ("grace_seconds = -1\n", 1, "-1"),
        ("read_only\n", 1, ""),
    ] {
        let what = wrong(&[], text);
        assert!(what.contains(&format!("line {line}")) && what.contains(word), "{text:?}: {what}");
    }
}

#[test]
fn a_number_out_of_range_names_its_origin() {
    assert!(wrong(&[], "code_minutes = 0\n").contains("config.toml"));
    assert!(wrong(&[("LANDLINE_CODE_MINUTES", "99999")], "").contains("LANDLINE_CODE_MINUTES"));
    assert!(wrong(&[], "log = \"loud\"\n").contains("config.toml"));
}

#[test]
fn variables_that_cannot_be_read_are_named() {
    for (name, value) in [
        ("LANDLINE_READ_ONLY", "maybe"),
        ("LANDLINE_GRACE", "soon"),
        ("LANDLINE_LISTEN", ","),
        ("LANDLINE_LISTEN", "a:b"),
    ] {
        assert!(wrong(&[(name, value)], "").contains(name), "{name}");
    }
}

#[test]
fn a_fraction_is_told_in_words_that_are_not_the_compilers() {
    assert!(wrong(&[], "grace_seconds = 1.5\n").ends_with("expected a whole number"));
}

#[test]
fn a_file_that_is_no_text_or_endless_is_wrong_not_a_fault_of_landlines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for (bytes, why) in
        [(b"log = \"\xff\"".to_vec(), "not text"), (vec![b'\n'; (256 << 10) + 1], "longer than 256 KiB")]
    {
        std::fs::write(&path, bytes).unwrap();
        let fail = File::read(&path).unwrap_err();
        assert!(fail.exit() == crate::exit::Exit::Usage && fail.what().contains(why), "{fail:?}");
    }
}
