//! Every change is found, and its place is named.

use super::crash::frames;
use super::support::{TempDir, copy, folder, session_id, small_log};
use crate::format::frame::{self, Kind, Next, segment_name};
use crate::tlog::vkey::VerifierKey;
use crate::verify::report::{Finding, Report, Severity, Status};
use crate::verify::trust::Trust;
use crate::verify::verifier::verify;
use std::fs;
use std::path::Path;

fn check(dir: &Path) -> Report {
    verify(dir, &Trust::default())
}

fn tampered(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.severity == Severity::Tampered)
}

/// Flips every byte of segment `number` whose place is `part` of `parts`.
fn flip_every_byte(number: u64, part: usize, parts: usize) {
    let dir = folder();
    small_log(dir.path());
    assert_eq!(check(dir.path()).status, Status::Ok);
    let name = segment_name(number);
    let path = dir.path().join(&name);
    let whole = fs::read(&path).unwrap();
    let (frames, end) = frames(&whole);
    assert!(end > 800, "segment {number} holds {end} bytes");
    for at in (0..whole.len()).filter(|at| at % parts == part) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&path, &bytes).unwrap();
        let report = check(dir.path());
        if at >= end {
            // Nothing was ever committed there, and now there are bytes.
            assert_ne!(report.status, Status::Ok, "byte {at}");
            assert!(report.findings.iter().any(|found| found.file == name), "byte {at}");
            continue;
        }
        assert_eq!(report.status, Status::Tampered, "byte {at}");
        let (kind, start) = frames.iter().rev().find(|(_, start)| *start <= at).unwrap();
        let named = tampered(&report).find(|f| f.file == name && f.offset == *start as u64);
        let named = named.unwrap_or_else(|| panic!("byte {at} of {kind:?}: {report:#?}"));
        if *kind == Kind::Leaf {
            let Next::Frame(frame) = frame::at(&whole, *start) else { panic!() };
            let record: portreeve_model::Record = serde_json::from_slice(frame.body).unwrap();
            let in_id = bytes[*start..].windows(10).any(|window| window == b"\"session\":");
            let intact = named.session == record.session;
            assert!(intact || !in_id || at - start < 100, "byte {at}: {named:?}");
        }
    }
}

#[test]
fn every_flipped_byte_of_the_first_segment_is_named_even() {
    flip_every_byte(1, 0, 2);
}

#[test]
fn every_flipped_byte_of_the_first_segment_is_named_odd() {
    flip_every_byte(1, 1, 2);
}

#[test]
fn every_flipped_byte_of_the_second_segment_is_named_even() {
    flip_every_byte(2, 0, 2);
}

#[test]
fn every_flipped_byte_of_the_second_segment_is_named_odd() {
    flip_every_byte(2, 1, 2);
}

#[test]
fn every_flipped_byte_of_the_last_segment_is_named() {
    flip_every_byte(3, 0, 1);
}

#[test]
fn every_flipped_byte_of_the_head_and_the_key_is_found() {
    let dir = folder();
    small_log(dir.path());
    for name in ["head", "log.pub"] {
        let path = dir.path().join(name);
        let whole = fs::read(&path).unwrap();
        // The last byte of the key's file is a line end that nothing depends on.
        let length = if name == "head" { whole.len() } else { whole.len() - 1 };
        for at in 0..length {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            assert_ne!(check(dir.path()).status, Status::Ok, "{name}, byte {at}");
        }
        fs::write(&path, &whole).unwrap();
    }
}

/// Changes the frames of segment 1 and reports.
fn edit(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Report {
    let dir = folder();
    small_log(dir.path());
    let path = dir.path().join(segment_name(1));
    let whole = fs::read(&path).unwrap();
    let (found, end) = frames(&whole);
    let ends = found.iter().skip(1).map(|(_, at)| *at).chain([end]);
    let mut parts: Vec<Vec<u8>> =
        found.iter().zip(ends).map(|((_, at), end)| whole[*at..end].to_vec()).collect();
    change(&mut parts);
    let mut bytes = parts.concat();
    bytes.resize(whole.len().max(bytes.len()), 0);
    fs::write(&path, &bytes).unwrap();
    check(dir.path())
}

#[test]
fn every_frame_that_is_removed_doubled_or_swapped_is_found_where_it_was() {
    let mut whole = Vec::new();
    edit(|parts| whole.clone_from(parts));
    for at in 0..whole.len() {
        let removed = edit(|parts| drop(parts.remove(at)));
        named_near(&removed, &whole, at, "removed");
        let doubled = edit(|parts| parts.insert(at, parts[at].clone()));
        named_near(&doubled, &whole, at, "doubled");
        if at + 1 < whole.len() {
            let swapped = edit(|parts| parts.swap(at, at + 1));
            named_near(&swapped, &whole, at, "swapped with the next");
        }
    }
}

/// The first thing that is found lies in the batch of the frame; where a batch lost its
/// end, up to the end of the next.
#[track_caller]
fn named_near(report: &Report, parts: &[Vec<u8>], at: usize, what: &str) {
    assert_eq!(report.status, Status::Tampered, "frame {at} {what}");
    let is_footer = |part: &Vec<u8>| part.starts_with(b"FOOT");
    let begin = parts[..at].iter().rposition(is_footer).map_or(0, |footer| footer + 1);
    let after = at + usize::from(is_footer(&parts[at]));
    let end = parts[after..].iter().position(is_footer).map_or(parts.len(), |end| after + end + 1);
    let offset = |at: usize| parts[..at].iter().map(Vec::len).sum::<usize>() as u64;
    // What was doubled or swapped with its neighbour ends that much later.
    let end = offset(end) + parts[at].len() as u64;
    let named = tampered(report).next().unwrap();
    assert_eq!(named.file, segment_name(1), "frame {at} {what}: {named}");
    assert!((offset(begin)..=end).contains(&named.offset), "frame {at} {what}: {named}");
}

/// A batch that was signed long ago, put behind the last one, is not a new one.
#[test]
fn a_replayed_batch_is_found() {
    let dir = folder();
    small_log(dir.path());
    let read = |number: u64| fs::read(dir.path().join(segment_name(number))).unwrap();
    let (first, mut last) = (read(1), read(3));
    let (old, _) = frames(&first);
    let footers: Vec<usize> =
        old.iter().filter(|(kind, _)| *kind == Kind::Footer).map(|(_, at)| *at).collect();
    let Next::Frame(before) = frame::at(&first, footers[0]) else { panic!() };
    let Next::Frame(footer) = frame::at(&first, footers[1]) else { panic!() };
    let (_, end) = frames(&last);
    let batch = &first[before.end()..footer.end()];
    last[end..end + batch.len()].copy_from_slice(batch);
    fs::write(dir.path().join(segment_name(3)), &last).unwrap();
    let report = check(dir.path());
    assert_eq!(report.status, Status::Tampered);
    let named = tampered(&report).next().unwrap();
    assert_eq!(named.file, segment_name(3));
    assert!((end..end + batch.len()).contains(&usize::try_from(named.offset).unwrap()), "{named}");
}

/// A segment as it was at an earlier commit, whichever it is, shows.
#[test]
fn every_segment_that_is_rolled_back_to_any_earlier_commit_is_found() {
    let first = folder();
    small_log(first.path());
    for number in 1..=3 {
        let whole = fs::read(first.path().join(segment_name(number))).unwrap();
        let (found, _) = frames(&whole);
        let footers = found.iter().filter(|(kind, _)| *kind == Kind::Footer);
        let ends: Vec<usize> = footers
            .map(|(_, at)| match frame::at(&whole, *at) {
                Next::Frame(footer) => footer.end(),
                Next::End | Next::Broken(_) => panic!("no footer at {at}"),
            })
            .collect();
        let (_, earlier) = ends.split_last().unwrap();
        for end in earlier.iter().chain([&0]) {
            let dir = folder();
            copy(first.path(), dir.path());
            let mut bytes = whole.clone();
            bytes[*end..].fill(0);
            fs::write(dir.path().join(segment_name(number)), &bytes).unwrap();
            let report = check(dir.path());
            assert_eq!(report.status, Status::Tampered, "segment {number} cut to {end}");
            let mut files = tampered(&report).map(|found| found.file.clone());
            // Where it ends, or where the log goes on and should not.
            let near = [number.max(2) - 1, number, number + 1].map(segment_name);
            assert!(files.any(|file| near.contains(&file)), "segment {number} cut to {end}");
        }
    }
}

/// Changes a leaf as someone would who knows the format but has no key.
#[test]
fn a_forged_leaf_with_a_right_check_is_found_by_the_root() {
    let report = edit(|parts| {
        let at = parts.iter().position(|part| part.starts_with(b"LEAF")).unwrap();
        let body = String::from_utf8(parts[at][frame::HEADER_BYTES..].to_vec()).unwrap();
        let body = body.replace("strict", "strikt");
        parts[at].clear();
        frame::push(&mut parts[at], Kind::Leaf, body.as_bytes());
    });
    assert_eq!(report.status, Status::Tampered);
    let named = tampered(&report).next().unwrap();
    assert!(named.what.contains("not the one that was signed"), "{named}");
    assert_eq!((named.file.as_str(), named.leaf), ("segment-0000000001.log", Some(0)));
}

#[test]
fn a_forged_payload_with_a_right_check_is_found_by_its_record() {
    let report = edit(|parts| {
        let at = parts.iter().position(|part| part.starts_with(b"SEAL")).unwrap();
        parts[at].clear();
        frame::push(&mut parts[at], Kind::Payload, b"something else");
    });
    assert_eq!(report.status, Status::Tampered);
    let named = tampered(&report).next().unwrap();
    assert!(named.what.contains("not those that the record vouches for"), "{named}");
    assert_eq!(named.session, Some(session_id(1)));
}

#[test]
fn a_dropped_session_is_found() {
    let id = session_id(1).to_string();
    let report = edit(|parts| {
        let mut last_was_its = false;
        parts.retain(|part| {
            let is_its = match &part[..4] {
                b"LEAF" => String::from_utf8_lossy(part).contains(&id),
                b"SEAL" => last_was_its,
                _ => false,
            };
            last_was_its = is_its;
            !is_its
        });
    });
    assert_eq!(report.status, Status::Tampered);
    assert!(tampered(&report).next().unwrap().what.contains("missing before the next footer"));
}

#[test]
fn segments_that_are_removed_swapped_emptied_or_renamed_are_found() {
    let first = folder();
    small_log(first.path());
    type Place<'a> = &'a dyn Fn(u64) -> std::path::PathBuf;
    let with = |change: &dyn Fn(Place<'_>)| {
        let dir = folder();
        copy(first.path(), dir.path());
        change(&|number| dir.path().join(segment_name(number)));
        check(dir.path())
    };
    let removed = with(&|path| fs::remove_file(path(2)).unwrap());
    assert!(tampered(&removed).any(|f| f.file == segment_name(2) && f.what.contains("missing")));
    let swapped = with(&|path| {
        fs::rename(path(1), path(99)).unwrap();
        fs::rename(path(2), path(1)).unwrap();
        fs::rename(path(99), path(2)).unwrap();
    });
    assert!(tampered(&swapped).any(|f| f.what.contains("under another's name")));
    let emptied = with(&|path| {
        let length = fs::metadata(path(2)).unwrap().len();
        fs::write(path(2), vec![0; usize::try_from(length).unwrap()]).unwrap();
    });
    assert!(tampered(&emptied).any(|f| f.file == segment_name(2) && f.what.contains("emptied")));
    let doubled = with(&|path| assert!(fs::copy(path(2), path(3)).unwrap() > 0));
    assert_eq!(doubled.status, Status::Tampered);
    let cut = with(&|path| {
        let bytes = fs::read(path(2)).unwrap();
        fs::write(path(2), &bytes[..1500]).unwrap();
    });
    assert!(tampered(&cut).any(|f| f.file == segment_name(2)));
}

#[test]
fn bytes_after_the_gateways_end_are_not_taken_for_a_write_that_was_cut_off() {
    let dir = folder();
    small_log(dir.path());
    let path = dir.path().join(segment_name(3));
    let mut bytes = fs::read(&path).unwrap();
    let (_, end) = frames(&bytes);
    bytes[end..end + 4].copy_from_slice(b"LEAF");
    fs::write(&path, &bytes).unwrap();
    assert_eq!(check(dir.path()).status, Status::Incomplete);
}

/// The one thing that only outside memory shows, and that it does.
#[test]
fn an_end_cut_off_with_its_head_file_shows_against_a_checkpoint_kept_elsewhere() {
    let dir = folder();
    small_log(dir.path());
    let kept = fs::read_to_string(dir.path().join("head")).unwrap();
    let path = dir.path().join(segment_name(1));
    let bytes = fs::read(&path).unwrap();
    let (found, _) = frames(&bytes);
    let footer = found.iter().rev().find(|(kind, _)| *kind == Kind::Footer).unwrap().1;
    let Next::Frame(footer) = frame::at(&bytes, footer) else { panic!() };
    let (_, note) = crate::format::segment::footer_parts(footer.body).unwrap();
    fs::write(dir.path().join("head"), note).unwrap();
    for number in 2..=6 {
        let _ = fs::remove_file(dir.path().join(segment_name(number)));
    }
    let alone = check(dir.path());
    assert_eq!(alone.status, Status::Ok);
    assert!(alone.limits.iter().any(|limit| limit.contains("cut off")));
    let trust = Trust { checkpoints: vec![kept], ..Trust::default() };
    let report = verify(dir.path(), &trust);
    assert_eq!(report.status, Status::Tampered);
    assert!(tampered(&report).any(|f| f.what.contains("the end was cut off")));
}

#[test]
fn another_log_in_its_place_shows_against_the_trusted_key_and_checkpoint() {
    let (mine, other) = (folder(), folder());
    small_log(mine.path());
    small_log(other.path());
    let read = |dir: &TempDir, name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let key: VerifierKey = read(&mine, "log.pub").parse().unwrap();
    let trust = Trust { key: Some(key), checkpoints: vec![read(&mine, "head")], policy: None };
    assert_eq!(verify(mine.path(), &trust).status, Status::Ok);
    assert_eq!(verify(other.path(), &trust).status, Status::Tampered);
    let trust = Trust { key: None, checkpoints: vec![read(&mine, "head")], policy: None };
    assert_eq!(verify(other.path(), &trust).exit_code(), 3);
    assert_eq!(verify(Path::new("/nonexistent"), &Trust::default()).exit_code(), 3);
}
