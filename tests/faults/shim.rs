//! A server whose syncs take their time and whose wall clock is wrong: `shim.c` between it and libc, told by a mapped file.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use songhua_tests::{Sandbox, ServeOptions};
use tempfile::TempDir;

/// See the module.
pub(crate) struct Shim {
    directory: TempDir,
    control: File,
}

impl Shim {
    /// Compiles it.
    ///
    /// # Errors
    /// Why there is none on this machine.
    pub(crate) fn new() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults").join("shim.c");
        let mut cc = Command::new("cc");
        cc.args(["-O1", "-shared", "-fPIC", "-o"]).arg(directory.path().join("shim.so")).arg(source).arg("-ldl");
        let made = cc.output().map_err(|error| format!("cc: {error}"))?;
        if !made.status.success() {
            return Err(String::from_utf8_lossy(&made.stderr).into_owned());
        }
        let path = directory.path().join("control");
        let control = File::options().read(true).write(true).create_new(true).open(path);
        let control = control.map_err(|error| error.to_string())?;
        control.write_all_at(&[0; 16], 0).map_err(|error| error.to_string())?;
        Ok(Self { directory, control })
    }

    /// A server under it, with further arguments.
    pub(crate) async fn served(&self, arguments: &[&str]) -> Sandbox {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let under = [
            "env".to_owned(),
            format!("LD_PRELOAD={}", path("shim.so")),
            format!("FAULTS_CONTROL={}", path("control")),
        ];
        Sandbox::start_with(ServeOptions { under: under.to_vec(), ..ServeOptions::with(arguments) }).await
    }

    /// From now on each sync takes so long.
    pub(crate) fn syncs_take(&self, ms: i64) {
        self.put(ms, 0);
    }

    /// From now on the clock is so much ahead.
    pub(crate) fn clock_is_ahead(&self, seconds: i64) {
        self.put(seconds, 8);
    }

    fn put(&self, value: i64, at: u64) {
        self.control.write_all_at(&value.to_ne_bytes(), at).expect("the control file takes a number");
    }
}
