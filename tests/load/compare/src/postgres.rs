//! PostgreSQL with its defaults (`synchronous_commit = on`): a table of events, inserted into without any check but that
//! an id is there once. A client has a connection of its own: the protocol shares none.

use std::fs::File;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use songhua_tests::free_port;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

use crate::drive::{Caller, Load, Run, drive};
use crate::{events, process};

/// PostgreSQL does not run as root; then it runs as nobody.
const NOBODY: u32 = 65_534;
const TABLE: &str =
    "create table events (position bigserial primary key, id uuid unique not null, stream text not null,
    type text not null, recorded timestamptz not null default now(), data bytea not null)";
const INSERT: &str = "insert into events (id, stream, type, data)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[])";

/// A server and its directory.
pub(crate) struct Postgres {
    server: Child,
    directory: TempDir,
    port: u16,
}

impl Postgres {
    /// Starts it, if `postgres` and `initdb` are there; else says why not.
    pub(crate) async fn start() -> Result<Self, String> {
        let (initdb, postgres) = (program("initdb")?, program("postgres")?);
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let root = own_uid() == 0;
        if root {
            chown(directory.path(), Some(NOBODY), Some(NOBODY)).map_err(|error| error.to_string())?;
        }
        let data = directory.path().join("data");
        let mut command = unprivileged(&initdb, root);
        command.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--pgdata"]).arg(&data);
        let made = command.current_dir("/").output().map_err(|error| error.to_string())?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr).trim()));
        }
        let port = free_port();
        let log = File::create(directory.path().join("log")).map_err(|error| error.to_string())?;
        let mut command = unprivileged(&postgres, root);
        command.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories="]).current_dir("/").stdout(Stdio::null()).stderr(log);
        let server = command.spawn().map_err(|error| error.to_string())?;
        let postgres = Self { server, directory, port };
        let begun = Instant::now();
        while postgres.client().await.is_err() {
            if begun.elapsed() > Duration::from_secs(60) {
                let log = std::fs::read_to_string(postgres.directory.path().join("log")).unwrap_or_default();
                return Err(format!("postgres is not ready: {log}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let client = postgres.client().await?;
        client.batch_execute(TABLE).await.map_err(|error| error.to_string())?;
        Ok(postgres)
    }

    async fn client(&self) -> Result<Client, String> {
        let settings = format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port);
        let (client, connection) =
            tokio_postgres::connect(&settings, NoTls).await.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Where its files are.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Runs a load; each client has a connection of its own.
    pub(crate) async fn run(&self, load: &Load, duration: Duration) -> Run {
        let count = load.requests(duration).min(400_000 / load.batch);
        let requests = (0..count).map(|_| Rows::of(load.batch)).collect();
        let mut callers = Vec::new();
        for _ in 0..load.clients {
            let client = self.client().await.expect("postgres answers");
            let insert = client.prepare(INSERT).await.expect("a statement");
            callers.push(Inserter { client, insert });
        }
        let before = process::cpu(self.server.id());
        let mut run = drive(callers, requests, load.batch, duration).await;
        run.server_cpu = process::cpu(self.server.id()) - before;
        run
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT ends it and its children at once; it may have ended by itself.
        let _ = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.exists());
    found.ok_or_else(|| format!("{name} is not on the PATH"))
}

fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").map_or(0, |metadata| metadata.uid())
}

fn unprivileged(program: &Path, root: bool) -> Command {
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    let nobody = NOBODY.to_string();
    command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]).arg(program);
    command
}

/// Arguments of an insert.
struct Rows {
    ids: Vec<Uuid>,
    streams: Vec<String>,
    types: Vec<&'static str>,
    data: Vec<Vec<u8>>,
}

impl Rows {
    fn of(count: usize) -> Self {
        let mut rows = Self { ids: vec![], streams: vec![], types: vec![events::ROW_TYPE; count], data: vec![] };
        for (id, stream, data) in (0..count).map(|_| events::row()) {
            rows.ids.push(id);
            rows.streams.push(stream);
            rows.data.push(data);
        }
        rows
    }
}

struct Inserter {
    client: Client,
    insert: Statement,
}

impl Caller for Inserter {
    type Request = Rows;

    async fn call(&mut self, rows: Rows) {
        let Rows { ids, streams, types, data } = rows;
        let count = ids.len() as u64;
        let inserted = self.client.execute(&self.insert, &[&ids, &streams, &types, &data]).await;
        assert_eq!(inserted.expect("the rows are stored"), count);
    }
}
