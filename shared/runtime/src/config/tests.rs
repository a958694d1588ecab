//! How settings are read and checked, from file and environment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use std::collections::HashSet;
use std::ffi::OsString;
use std::io::Write;

const KEY: &str = "a:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, LoadError> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::load_from(Some(written.path()), environment)
}

fn faults(file: &str, environment: &[(&str, &str)]) -> String {
    load(file, environment).unwrap_err().to_string()
}

#[test]
fn nothing_given_is_the_defaults() {
    assert_eq!(Settings::load_from(None, []).unwrap(), Settings::default());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
    let file = "[worker]\nlanes = 3\nbatch_events = 7\n[log]\nformat = \"pretty\"";
    let settings = load(file, &[("AFFITOR_WORKER__LANES", "4"), ("PATH", "/bin")]).unwrap();
    assert_eq!((settings.worker.lanes, settings.worker.batch_events), (4, 7));
    assert_eq!(settings.log.format, LogFormat::Pretty);
    assert_eq!(settings.worker.prefetch, 64);
}

#[test]
fn the_file_can_be_named_by_the_environment() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"[worker]\nlanes = 9").unwrap();
    let named = (OsString::from(CONFIG_VARIABLE), file.path().as_os_str().to_owned());
    assert_eq!(Settings::load_from(None, [named]).unwrap().worker.lanes, 9);
}

#[test]
fn a_text_that_looks_like_a_number_or_a_truth_stays_text() {
    for text in ["0012", "1e5", "true", "12345678901234567890"] {
        let variables = [("AFFITOR_STORE__DATABASE_URL", text), ("AFFITOR_QUEUE__NAME_PREFIX", text)];
        let settings = load("", &variables).unwrap();
        assert_eq!(settings.store.database_url.expose(), text);
        assert_eq!(settings.queue.name_prefix, text);
    }
}

#[test]
fn networks_are_a_list_in_the_file_and_comma_separated_in_the_environment() {
    let file = "[ingest]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nlimit_loopback = true";
    let environment =
        [("AFFITOR_INGEST__TRUSTED_PROXIES", "10.0.0.0/8, ::1,"), ("AFFITOR_INGEST__LIMIT_LOOPBACK", "true")];
    let (from_file, from_environment) = (load(file, &[]).unwrap(), load("", &environment).unwrap());
    assert_eq!(from_file, from_environment);
    let networks: Vec<String> = from_file.ingest.trusted_proxies.as_slice().iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "::1/128"]);
    assert!(from_file.ingest.limit_loopback);
    for wrong in ["10.0.0.0/33", "proxy.example", "10.0.0.0/8;::1"] {
        let faults = faults("", &[("AFFITOR_INGEST__TRUSTED_PROXIES", wrong)]);
        assert!(faults.contains("must be a list of networks"), "{faults}");
    }
}

#[test]
fn secrets_are_a_list_in_the_file_and_comma_separated_in_the_environment() {
    let second = KEY.replace("a:", "b:");
    let file = format!("[secrets]\nclick_secret = [\"{KEY}\", \"{second}\"]\nemail_pepper = [\"{KEY}\"]");
    let environment = [
        ("AFFITOR_SECRETS__CLICK_SECRET", format!("{KEY}, {second}")),
        ("AFFITOR_SECRETS__EMAIL_PEPPER", KEY.to_owned()),
    ];
    let environment = environment.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (from_file, from_environment) = (load(&file, &[]).unwrap(), load("", &environment).unwrap());
    assert_eq!(from_file, from_environment);
    assert!(from_file.secrets.parse().unwrap().click.digest('b', &[]).is_some());
}

#[test]
fn unknown_settings_are_named_wherever_they_stand() {
    let text = faults(
        "[ingest]\nlisten.port = 5\nlistten = \"x\"\n[wroker]\nlanes = 1",
        &[("AFFITOR_INGEST__LISSEN", "x"), ("AFFITOR_STORE_DATABASE_URL", "x")],
    );
    for part in [
        "`ingest.listen.port`",
        "`ingest.listten`",
        "`wroker.lanes`",
        "AFFITOR_INGEST__LISSEN",
        "write AFFITOR_STORE__DATABASE_URL",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn variables_that_kubernetes_sets_for_our_services_are_no_settings() {
    let variables = [("AFFITOR_INGEST_PORT", "tcp://10.0.0.1:80"), ("AFFITOR_INGEST_SERVICE_HOST", "10.0.0.1")];
    assert!(load("", &variables).is_ok());
}

#[test]
fn values_of_the_wrong_type_are_all_named_and_never_shown() {
    let text = faults(
        "[worker]\nlanes = 2.5\nbatch_events = \"many\"\n[queue]\namqp_url = [\"hush\"]",
        &[("AFFITOR_INGEST__PUBLISH_SLOTS", "-1"), ("AFFITOR_LOG__FORMAT", "xml")],
    );
    for key in ["worker.lanes", "worker.batch_events", "queue.amqp_url", "ingest.publish_slots", "log.format"] {
        assert!(text.contains(&format!("`{key}`")), "{key} in {text}");
    }
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn a_file_that_is_no_toml_is_named_without_its_content() {
    let text = faults("[queue]\namqp_url = hush", &[]);
    assert!(text.contains("configuration file") && text.contains("line 2"), "{text}");
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Settings::load_from(Some("/nowhere/affitor.toml".as_ref()), []).unwrap_err();
    assert!(error.to_string().contains("/nowhere/affitor.toml"), "{error}");
}

fn production() -> Settings {
    let environment = [
        ("AFFITOR_QUEUE__AMQP_URL", "amqp://guest:hush@127.0.0.1/%2f"),
        ("AFFITOR_STORE__DATABASE_URL", "postgres://affitor:hush@127.0.0.1/affitor"),
        ("AFFITOR_SECRETS__CLICK_SECRET", KEY),
        ("AFFITOR_SECRETS__EMAIL_PEPPER", KEY),
    ];
    load("", &environment).unwrap()
}

#[test]
fn a_complete_configuration_suits_every_role() {
    for role in [Role::Ingest, Role::Worker, Role::Console, Role::Up, Role::Tool] {
        assert_eq!(production().check(role), Ok(()), "{role:?}");
    }
}

#[test]
fn the_defaults_suit_only_the_embedded_start() {
    let settings = Settings::default();
    assert_eq!(settings.check(Role::Up), Ok(()));
    assert_eq!(settings.check(Role::Worker).unwrap_err().len(), 2);
    let text = settings.check(Role::Ingest).unwrap_err().join("\n");
    for variable in ["QUEUE__AMQP_URL", "STORE__DATABASE_URL", "SECRETS__CLICK_SECRET", "SECRETS__EMAIL_PEPPER"] {
        assert!(text.contains(&format!("AFFITOR_{variable}")), "{variable} in {text}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let mut settings = production();
    settings.ingest.listen = "localhost".into();
    settings.ingest.answer_deadline_ms = 0;
    settings.worker.lanes = 0;
    settings.queue.amqp_url = "http://hush@host".into();
    settings.queue.name_prefix = "a b".into();
    settings.store.lock_timeout_ms = 20_000;
    settings.log.filter = "info,=".into();
    let faults = settings.check(Role::Ingest).unwrap_err();
    let text = faults.join("\n");
    assert_eq!(faults.len(), 7, "{text}");
    assert!(text.contains("`worker.lanes` (AFFITOR_WORKER__LANES in the environment) must be 1 to 64, not 0."));
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn two_listeners_of_a_process_need_two_addresses() {
    let mut settings = production();
    settings.ingest.metrics_listen = settings.ingest.listen.clone();
    let text = settings.check(Role::Ingest).unwrap_err().join("\n");
    assert!(text.contains("must differ from `ingest.listen`"), "{text}");
    assert_eq!(settings.check(Role::Console), Ok(()));
}

#[test]
fn an_address_that_a_process_does_not_listen_on_stands_in_nobodys_way() {
    let mut settings = production();
    settings.console.listen = settings.ingest.listen.clone();
    settings.worker.metrics_listen = "none".into();
    assert_eq!(settings.check(Role::Up), Ok(()), "one port for what is sent and what is read");
}

#[test]
fn an_embedded_start_names_both_servers_or_none() {
    let mut settings = production();
    settings.store.database_url = "".into();
    let text = settings.check(Role::Up).unwrap_err().join("\n");
    assert!(text.contains("both"), "{text}");
}

#[test]
fn debug_shows_no_secret() {
    let text = format!("{:?}", production());
    assert!(!text.contains("hush") && !text.contains("0a0b0c"), "{text}");
}

#[test]
fn the_reference_names_every_field_once_and_its_defaults_can_be_written_down() {
    let reference = reference();
    let keys: HashSet<_> = reference.iter().map(|setting| setting.key).collect();
    assert_eq!(keys.len(), reference.len());
    // Each key with its default is read back as the default: no key in it is unknown to the structs.
    let given: Vec<_> = reference.iter().map(|s| (s.env.as_str(), s.default.as_str())).collect();
    assert_eq!(load("", &given).unwrap(), Settings::default());
    // And no field is missing from it: `Debug` prints each field of each section.
    let fields = format!("{:#?}", Settings::default());
    let is_field = |line: &&str| line.strip_prefix("        ").is_some_and(|rest| rest.starts_with(char::is_lowercase));
    let fields = fields.lines().filter(is_field).count();
    assert_eq!(fields, reference.len());
    for setting in reference {
        assert!(setting.meaning.ends_with('.'), "{}", setting.key);
    }
}
