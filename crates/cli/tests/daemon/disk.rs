//! A disk that is full: writing is refused in words, reading goes on, and so does everything once
//! there is space.

use std::fs;
use std::io::Write;
use std::process::Command;

use crate::harness::{Deployment, held, text, wait_until};

/// A small filesystem over a folder, taken away again at the end.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// Returns none where this user may not mount.
    fn over(path: &std::path::Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(path);
        let is_mounted = mount.output().is_ok_and(|output| output.status.success());
        is_mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: processes that are just being killed may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_refuses_submissions_in_words_and_all_goes_on_when_there_is_space() {
    let mut deployment = Deployment::new("", "");
    let Some(_disk) = SmallDisk::over(deployment.home()) else {
        let told = b"not tested: this user may not mount a small filesystem\n";
        std::io::stderr().write_all(told).unwrap();
        return;
    };
    let jobs = format!(
        "jobs:\n  long: {{ops: {{a: {{shell: '{}'}}}}}}\n  short: {{ops: {{a: {{command: ['true']}}}}}}\n",
        held("long", "go")
    );
    fs::write(deployment.path("work.yaml"), jobs).unwrap();
    deployment.serve();
    let first = deployment.launch("long", &[]);
    deployment.wait_for_file("long.began");

    let filler = deployment.path("filler");
    fill(&filler);
    let tag = format!("big={}", "x".repeat(60_000));
    let mut told = String::new();
    wait_until("a submission is refused", || {
        let output = deployment.cli(&["job", "launch", "short", "--tag", &tag]);
        told = text(&output.stderr);
        if output.status.success() {
            // There was room in what the database had already taken.
            fill(&filler);
        }
        !output.status.success()
    });
    assert!(told.contains("disk"), "{told}");
    assert!(told.contains("space"), "a hint: {told}");
    let body = format!(r#"{{"job": "short", "tags": {{"big": "{}"}}}}"#, "x".repeat(60_000));
    let (status, answer) = deployment.http("POST", "/api/v1/runs", &[], body.as_bytes());
    assert_eq!(status, 503, "{answer}");
    assert_eq!(answer["error"]["code"], "disk_full", "{answer}");
    // Reading goes on.
    assert_eq!(deployment.status(&first), "STARTED");
    let known = deployment.count();
    // A step that ends meanwhile is reported once that is possible.
    deployment.let_go("go");
    let lock = deployment.path("runs").join(&first).join("1/steps/a.1.lock");
    wait_until("the step has ended", || !process::lock::is_held(&lock).unwrap());

    fs::remove_file(&filler).unwrap();
    wait_until("a submission is taken again", || {
        deployment.cli(&["job", "launch", "short"]).status.success()
    });
    assert_eq!(deployment.count(), known + 1, "what was refused is not there");
    deployment.wait_for(&first, "SUCCESS");
    let last = deployment.launch("short", &[]);
    deployment.wait_for(&last, "SUCCESS");
}

/// Writes until nothing more fits.
fn fill(path: &std::path::Path) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
}
