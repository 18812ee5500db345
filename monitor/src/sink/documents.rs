//! Holds `docs/output.md` and the journal catalog against the code, both ways.
use std::collections::BTreeSet;

use super::{
    fields::names,
    journald::entry::{PREFIX, message_id, record_message_id},
    record_fields,
};
use crate::{notice::Kind, record::RecordKind};

const OUTPUT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/output.md"));
const CATALOG: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/minewarden.catalog"));

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

fn field_names(text: &str) -> BTreeSet<&str> {
    words(text).filter_map(|word| word.strip_prefix(PREFIX)).filter(|name| !name.is_empty()).collect()
}

fn message_ids(text: &str) -> BTreeSet<&str> {
    let is_id = |word: &&str| word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    words(text).filter(is_id).collect()
}

/// Name and id of every kind of entry, in the order of the page.
fn kinds_of_code() -> Vec<(&'static str, &'static str)> {
    let records = RecordKind::ALL.map(|kind| (kind.name(), record_message_id(kind)));
    Kind::ALL.map(|kind| (kind.name(), message_id(kind))).into_iter().chain(records).collect()
}

fn ids_of_code() -> BTreeSet<&'static str> {
    kinds_of_code().into_iter().map(|(_, id)| id).collect()
}

/// First cells of the rows of a Markdown table, from the line after `heading`, without back-quotes.
fn rows<'a>(text: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let after = text.split_once(heading).unwrap_or_else(|| panic!("{heading:?} is missing")).1;
    let section = after.split("\n## ").next().unwrap_or(after);
    let table = section.lines().filter(|line| line.starts_with("| `"));
    table.map(|line| line.split('|').map(|cell| cell.trim().trim_matches('`')).skip(1).collect()).collect()
}

#[test]
fn every_kind_has_an_id_of_its_own() {
    assert_eq!(ids_of_code().len(), kinds_of_code().len());
    assert_eq!(message_ids(&ids_of_code().into_iter().collect::<Vec<_>>().join(" ")), ids_of_code());
}

#[test]
fn the_page_names_the_fields_and_ids_of_the_code_and_no_others() {
    assert_eq!(field_names(OUTPUT), names().chain(record_fields::names()).collect());
    assert_eq!(message_ids(OUTPUT), ids_of_code());
}

#[test]
fn the_table_of_fields_gives_each_in_order_with_its_json_key() {
    let expected: Vec<_> =
        names().map(|name| vec![format!("{PREFIX}{name}"), name.to_ascii_lowercase()]).collect();
    let found: Vec<_> = rows(OUTPUT, "\n## Fields\n")
        .into_iter()
        .map(|cells| cells.into_iter().take(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn the_table_of_a_records_fields_gives_each_in_order() {
    let found: Vec<_> = rows(OUTPUT, "\n## Event record\n").iter().map(|cells| cells[0].to_owned()).collect();
    assert_eq!(found, record_fields::names().map(|name| format!("{PREFIX}{name}")).collect::<Vec<_>>());
}

#[test]
fn the_table_of_events_pairs_each_with_its_id() {
    let found: Vec<_> = rows(OUTPUT, "\n## Events\n").iter().map(|cells| (cells[0], cells[1])).collect();
    assert_eq!(found, kinds_of_code());
}

#[test]
fn the_catalog_explains_every_id_and_no_other() {
    let mut explained = Vec::new();
    for entry in CATALOG.split("\n-- ").skip(1) {
        let (id, rest) = entry.split_once('\n').unwrap_or_else(|| panic!("{entry:?} has no text"));
        let (head, body) = rest.split_once("\n\n").unwrap_or_else(|| panic!("{id}: no body"));
        for line in ["Subject: ", "Defined-By: minewarden"] {
            assert!(head.lines().any(|head| head.starts_with(line)), "{id}: no {line:?}");
        }
        assert!(body.trim().len() > 100, "{id}: says nothing");
        explained.push(id);
    }
    assert_eq!(explained, kinds_of_code().into_iter().map(|(_, id)| id).collect::<Vec<_>>());
    let known: BTreeSet<_> = names().chain(record_fields::names()).collect();
    assert!(field_names(CATALOG).is_subset(&known), "{:?}", field_names(CATALOG).difference(&known));
}
