//! Files and folders in real places: loading, loading anew, finding.
#![expect(clippy::unwrap_used, reason = "a helper that fails has failed the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use model::{CodeLocation, JobName, Timestamp};
use pointsman_definitions::{FindError, Location, LocationState, Locations, Root, Unreachable};
use tempfile::TempDir;

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

fn job(name: &str) -> JobName {
    JobName::new(name).unwrap()
}

fn location(name: &str) -> CodeLocation {
    CodeLocation::new(name).unwrap()
}

/// A folder of files of jobs.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.file(name), text).unwrap();
        self.file(name)
    }

    /// Writes a file with jobs of these names, each of one step.
    fn write_jobs(&self, name: &str, jobs: &[&str]) -> PathBuf {
        let jobs: Vec<String> =
            jobs.iter().map(|job| format!("  {job}: {{ops: {{a: {{shell: x}}}}}}\n")).collect();
        self.write(name, &format!("jobs:\n{}", jobs.concat()))
    }

    fn load(&self) -> Locations {
        Locations::load([self.path().to_owned()], at(1))
    }
}

/// Tells every location: its name, its state and its number of jobs.
fn told(locations: &Locations) -> Vec<String> {
    let state = |location: &Location| match &location.state {
        LocationState::Loading => "loading".to_owned(),
        LocationState::Loaded => "loaded".to_owned(),
        LocationState::Gone => "gone".to_owned(),
        LocationState::Failed(problems) => problems.iter().next().unwrap().message.clone(),
    };
    let told = |location: Location| {
        format!("{}: {} ({} jobs)", location.name, state(&location), location.jobs.len())
    };
    locations.locations().into_iter().map(told).collect()
}

fn names(locations: &Locations) -> Vec<String> {
    locations.jobs().iter().map(|job| format!("{}/{}", job.location, job.name)).collect()
}

#[test]
fn a_folder_means_its_yaml_files_but_settings_and_hidden_ones() {
    let folder = Folder::new();
    folder.write_jobs("b.yaml", &["one"]);
    folder.write_jobs("a.yml", &["two", "one"]);
    for other in ["pointsman.yaml", "dagster.yaml", ".hidden.yaml", "notes.txt", "x.yaml.bak"] {
        folder.write(other, "no jobs");
    }
    fs::create_dir(folder.file("below.yaml")).unwrap();
    fs::write(folder.file("below.yaml").join("c.yaml"), "no jobs").unwrap();
    let locations = folder.load();
    assert_eq!(told(&locations), ["a: loaded (2 jobs)", "b: loaded (1 jobs)"]);
    assert_eq!(names(&locations), ["a/one", "b/one", "a/two"]);
    assert_eq!(locations.roots(), [Root::Folder(folder.path().to_owned(), 2)]);
}

#[test]
fn files_may_come_later_to_an_empty_folder() {
    let folder = Folder::new();
    let locations = folder.load();
    assert_eq!(locations.roots(), [Root::Folder(folder.path().to_owned(), 0)]);
    assert_eq!(told(&locations), [""; 0]);
    folder.write_jobs("a.yaml", &["one"]);
    assert_eq!(locations.reload(at(2)).changed, [location("a")]);
    assert_eq!(names(&locations), ["a/one"]);
    assert_eq!(locations.reload(at(3)).changed, []);
}

#[test]
fn a_file_is_given_by_itself_and_counted_once() {
    let folder = Folder::new();
    let file = folder.write_jobs("a.yaml", &["one"]);
    let paths = [file.clone(), folder.path().to_owned(), file.clone()];
    let locations = Locations::load(paths, at(1));
    assert_eq!(told(&locations), ["a: loaded (1 jobs)"]);
    let roots = [Root::File(file), Root::Folder(folder.path().to_owned(), 1)];
    assert_eq!(locations.roots(), roots);
    let watched: Vec<PathBuf> = locations.watched_folders().into_iter().collect();
    assert_eq!(watched, [folder.path()]);
}

#[test]
fn what_cannot_be_read_is_told_and_keeps_nothing_else_from_loading() {
    let folder = Folder::new();
    folder.write_jobs("good.yaml", &["one"]);
    folder.write("empty.yaml", "");
    fs::write(folder.file("latin.yaml"), b"jobs: {\xe9: 1}").unwrap();
    fs::write(folder.file("large.yaml"), " ".repeat(1024 * 1024 + 1)).unwrap();
    fs::create_dir(folder.file("sub")).unwrap();
    let missing = folder.file("missing.yaml");
    let locations = Locations::load([missing, folder.path().to_owned()], at(1));
    assert_eq!(
        told(&locations),
        [
            "empty: the file is empty (0 jobs)",
            "good: loaded (1 jobs)",
            "large: the file has more than the 1048576 bytes that are read (0 jobs)",
            "latin: the byte 0xe9 is not UTF-8 (0 jobs)",
            "missing: there is no such file or folder (0 jobs)",
        ]
    );
    let error = locations.find(&job("nothing"), None).unwrap_err().to_string();
    assert_eq!(
        error,
        "there is no job `nothing` (could not be loaded: `empty`, `large`, `latin`, `missing`)"
    );
}

#[test]
fn a_file_that_breaks_keeps_its_old_jobs_and_shows_what_is_wrong() {
    let folder = Folder::new();
    folder.write_jobs("a.yaml", &["one", "two"]);
    let locations = folder.load();
    folder.write("a.yaml", "jobs:\n  one: {ops: {a: {shell: x}}}\n  three: {}\n");
    assert_eq!(locations.reload(at(2)).changed, [location("a")]);
    assert_eq!(names(&locations), ["a/one", "a/two"]);
    assert_eq!(told(&locations), ["a: the job `three` has no `ops` (2 jobs)"]);
    assert_eq!(locations.locations()[0].loaded_at, Some(at(1)));
    assert_eq!(locations.check_reachable(&location("a")), Ok(()));
    folder.write_jobs("a.yaml", &["three"]);
    assert_eq!(locations.reload(at(3)).changed, [location("a")]);
    assert_eq!(told(&locations), ["a: loaded (1 jobs)"]);
    assert_eq!(locations.locations()[0].loaded_at, Some(at(3)));
    assert_eq!(names(&locations), ["a/three"]);
}

#[test]
fn a_file_that_is_unchanged_keeps_its_jobs_as_they_are() {
    let folder = Folder::new();
    folder.write_jobs("a.yaml", &["one"]);
    let locations = folder.load();
    let before = locations.find(&job("one"), None).unwrap();
    folder.write_jobs("a.yaml", &["one"]);
    locations.reload(at(2));
    let after = locations.find(&job("one"), None).unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &after));
    assert_eq!(locations.locations()[0].loaded_at, Some(at(1)));
}

#[test]
fn the_jobs_of_a_file_that_is_deleted_go_and_are_remembered_as_gone() {
    let folder = Folder::new();
    let file = folder.write_jobs("a.yaml", &["one"]);
    let locations = folder.load();
    fs::remove_file(&file).unwrap();
    let gone = Unreachable::Gone { location: location("a"), path: file.clone() };
    assert_eq!(locations.check_reachable(&location("a")), Err(gone.clone()));
    assert_eq!(locations.reload(at(2)).changed, [location("a")]);
    assert_eq!(names(&locations), [""; 0]);
    assert_eq!(told(&locations), ["a: gone (0 jobs)"]);
    let found = locations.find(&job("one"), Some(&location("a")));
    assert_eq!(
        found.unwrap_err(),
        FindError::Gone {
            job: job("one"),
            origin: pointsman_definitions::Origin::File(file.clone())
        }
    );
    assert_eq!(locations.check_reachable(&location("a")), Err(gone));
    assert_eq!(locations.reload(at(3)).changed, []);
    folder.write("a.yaml", "jobs: [");
    locations.reload(at(4));
    assert_eq!(names(&locations), [""; 0], "jobs that are gone do not come back by a broken file");
    folder.write_jobs("a.yaml", &["one"]);
    locations.reload(at(5));
    assert_eq!(told(&locations), ["a: loaded (1 jobs)"]);
}

#[test]
fn a_location_moves_with_its_file() {
    let folder = Folder::new();
    let file = folder.write("a.yaml", "location: x\njobs: {one: {ops: {a: {shell: x}}}}\n");
    let locations = folder.load();
    fs::rename(&file, folder.file("b.yaml")).unwrap();
    assert_eq!(locations.reload(at(2)).changed, [location("x")]);
    assert_eq!(told(&locations), ["x: loaded (1 jobs)"]);
    assert_eq!(locations.check_reachable(&location("x")), Ok(()));
}

#[test]
fn a_folder_that_is_deleted_and_made_again_is_loaded_again() {
    let folder = Folder::new();
    let jobs = folder.file("jobs");
    fs::create_dir(&jobs).unwrap();
    let text = "jobs: {one: {ops: {a: {shell: x}}}}\n";
    fs::write(jobs.join("a.yaml"), text).unwrap();
    let locations = Locations::load([jobs.clone()], at(1));
    fs::remove_dir_all(&jobs).unwrap();
    locations.reload(at(2));
    assert_eq!(told(&locations), ["a: gone (0 jobs)"]);
    let root = Root::Unlisted(jobs.clone(), "the folder is gone".to_owned());
    assert_eq!(locations.roots(), [root]);
    assert!(locations.watched_folders().contains(folder.path()));
    fs::create_dir(&jobs).unwrap();
    fs::write(jobs.join("a.yaml"), text).unwrap();
    locations.reload(at(3));
    assert_eq!(told(&locations), ["a: loaded (1 jobs)"]);
}

#[test]
fn a_name_belongs_to_the_file_that_has_it() {
    let folder = Folder::new();
    let named = |job: &str| format!("location: x\njobs: {{{job}: {{ops: {{a: {{shell: x}}}}}}}}\n");
    folder.write("b.yaml", &named("one"));
    let locations = folder.load();
    folder.write("a.yaml", &named("two"));
    locations.reload(at(2));
    assert_eq!(names(&locations), ["x/one"]);
    let failed = locations.locations();
    let problem = failed.iter().find_map(|location| match &location.state {
        LocationState::Failed(problems) => problems.iter().next(),
        LocationState::Loading | LocationState::Loaded | LocationState::Gone => None,
    });
    let problem = problem.unwrap().to_string();
    assert!(problem.contains("a.yaml:1:11: there is a code location `x` already: "), "{problem}");
    assert!(problem.contains("b.yaml\n 1 | location: x"), "{problem}");
    fs::remove_file(folder.file("b.yaml")).unwrap();
    locations.reload(at(3));
    assert_eq!(told(&locations), ["x: loaded (1 jobs)"]);
    assert_eq!(names(&locations), ["x/two"]);
}

#[test]
fn a_file_that_takes_another_s_name_keeps_its_own() {
    let folder = Folder::new();
    folder.write_jobs("a.yaml", &["one"]);
    folder.write_jobs("b.yaml", &["two"]);
    let locations = folder.load();
    folder.write("b.yaml", "location: a\njobs: {three: {ops: {a: {shell: x}}}}\n");
    locations.reload(at(2));
    assert_eq!(names(&locations), ["a/one", "b/two"]);
}

#[test]
fn two_files_of_one_stem_are_one_too_many() {
    let folder = Folder::new();
    folder.write_jobs("a.yaml", &["one"]);
    folder.write_jobs("a.yml", &["two"]);
    assert_eq!(names(&folder.load()), ["a/one"]);
}

#[test]
fn a_job_in_several_locations_is_found_by_its_location() {
    let folder = Folder::new();
    folder.write_jobs("b.yaml", &["nightly"]);
    folder.write_jobs("a.yaml", &["nightly"]);
    let locations = folder.load();
    let error = locations.find(&job("nightly"), None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "several code locations have a job `nightly`: `a`, `b`; say which one"
    );
    let found = locations.find(&job("nightly"), Some(&location("b"))).unwrap();
    assert_eq!(found.location, location("b"));
}

#[test]
fn a_misspelt_name_is_answered_with_what_may_be_meant() {
    let folder = Folder::new();
    folder.write_jobs("reports.yaml", &["nightly", "weekly"]);
    let locations = folder.load();
    let find = |name: &str, place: Option<&str>| {
        let place = place.map(location);
        locations.find(&job(name), place.as_ref()).unwrap_err().to_string()
    };
    assert_eq!(find("nigthly", None), "there is no job `nigthly`; did you mean `nightly`?");
    assert_eq!(
        find("Weekly2", Some("reports")),
        "there is no job `Weekly2` in code location `reports`; did you mean `weekly`?"
    );
    assert_eq!(
        find("nightly", Some("report")),
        "there is no code location `report`; did you mean `reports`?"
    );
    assert_eq!(find("zzz", None), "there is no job `zzz`");
    let unknown = Unreachable::Unknown(location("report"));
    assert_eq!(locations.check_reachable(&location("report")), Err(unknown));
}

#[test]
fn a_location_whose_file_may_not_be_read_is_unreachable() {
    let folder = Folder::new();
    let file = folder.write_jobs("a.yaml", &["one"]);
    let locations = folder.load();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&file).is_ok() {
        // The superuser reads everything; a folder in the file's place is no file to anybody.
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
    }
    let error = locations.check_reachable(&location("a")).unwrap_err();
    assert!(matches!(error, Unreachable::Unreadable { .. }), "{error}");
}

#[test]
fn a_pipe_in_a_folder_is_no_file_and_holds_nobody_up() {
    let folder = Folder::new();
    folder.write_jobs("a.yaml", &["one"]);
    let made = std::process::Command::new("mkfifo").arg(folder.file("b.yaml")).status().unwrap();
    assert!(made.success());
    let told = told(&folder.load());
    assert_eq!(told, ["a: loaded (1 jobs)", "b: this is no regular file (0 jobs)"]);
}

#[test]
fn all_hold_the_same_locations() {
    let folder = Folder::new();
    let locations = folder.load();
    let other = locations.clone();
    folder.write_jobs("a.yaml", &["one"]);
    locations.reload(at(2));
    assert_eq!(names(&other), ["a/one"]);
}

#[test]
fn a_folder_with_too_many_files_keeps_those_that_were_known() {
    let folder = Folder::new();
    folder.write_jobs("a.yaml", &["one"]);
    let locations = folder.load();
    for index in 0..1_000 {
        folder.write(&format!("f{index}.yaml"), "");
    }
    folder.write_jobs("a.yaml", &["one", "two"]);
    assert_eq!(locations.reload(at(2)).changed, [location("a")]);
    let reason = "it holds more than 1000 files of jobs".to_owned();
    assert_eq!(locations.roots(), [Root::Unlisted(folder.path().to_owned(), reason)]);
    assert_eq!(names(&locations), ["a/one", "a/two"]);
    fs::remove_file(folder.file("f0.yaml")).unwrap();
    locations.reload(at(3));
    assert_eq!(locations.roots(), [Root::Folder(folder.path().to_owned(), 1_000)]);
    assert_eq!(locations.locations().len(), 1_000);
}
