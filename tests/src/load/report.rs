//! The table, the figures, and the machine they are of. Whole numbers only; a ratio has two decimals.

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::fs;

use super::{Load, Measured};

/// A line of the table.
pub struct Row {
    name: String,
    shape: String,
    rate: u64,
    latencies: [u32; 3],
    note: String,
}

/// p50, p99, p99.9.
const PER_MILLE: [usize; 3] = [500, 990, 999];

fn latencies(measured: &Measured) -> [u32; 3] {
    PER_MILLE.map(|per_mille| measured.latencies.quantile(per_mille))
}

/// Microseconds of the server's processors for each event.
fn cpu_per_event(measured: &Measured) -> Option<u64> {
    let micros = u64::try_from(measured.cpu?.as_micros()).ok()?;
    micros.checked_div(measured.measured_events)
}

impl Row {
    /// A measurement of the disk.
    pub fn of_disk(name: &str, measured: &Measured) -> Self {
        let (rate, latencies) = (measured.rate(), latencies(measured));
        Self { name: name.to_owned(), shape: "1 writer, 300 B".to_owned(), rate, latencies, note: String::new() }
    }

    /// A load.
    pub fn of_load(load: &Load, measured: &Measured) -> Self {
        let Load { name, clients, connections, window, batch, stream } = load;
        let shape = if *stream {
            format!("{clients} streams × {window} × {batch} ev")
        } else {
            format!("{clients} clients / {connections} conn")
        };
        let cpu = cpu_per_event(measured).map_or_else(String::new, |micros| format!("{micros} µs server CPU/event"));
        let refused = if measured.refused == 0 { String::new() } else { format!(", {} refused", measured.refused) };
        let (rate, latencies) = (measured.rate(), latencies(measured));
        Self { name: (*name).to_owned(), shape, rate, latencies, note: cpu + &refused }
    }
}

/// Prints the table.
pub fn print(rows: &[Row]) {
    println!("{:<20} {:<24} {:>10} {:>9} {:>9} {:>9}", "load", "shape", "events/s", "p50 µs", "p99 µs", "p99.9 µs");
    for Row { name, shape, rate, latencies: [p50, p99, p999], note } in rows {
        println!("{name:<20} {shape:<24} {rate:>10} {p50:>9} {p99:>9} {p999:>9}  {note}");
    }
}

/// Numbers with names, for other programs.
#[derive(Default)]
pub struct Figures(Vec<(String, String, &'static str)>);

impl Figures {
    /// One more.
    pub fn add(&mut self, name: &str, value: u64, unit: &'static str) {
        self.0.push((name.to_owned(), value.to_string(), unit));
    }

    /// A number of thousandths.
    pub fn add_thousandths(&mut self, name: &str, value: u64, unit: &'static str) {
        self.0.push((name.to_owned(), format!("{}.{:03}", value / 1_000, value % 1_000), unit));
    }

    /// How often one number contains another.
    pub fn add_ratio(&mut self, name: &str, part: u64, whole: u64) {
        let hundredths = part.saturating_mul(100) / whole.max(1);
        self.0.push((name.to_owned(), format!("{}.{:02}", hundredths / 100, hundredths % 100), "ratio"));
    }

    /// Those of a load.
    pub fn add_load(&mut self, load: &Load, measured: &Measured) {
        let name = load.name;
        self.add(&format!("{name}_rate"), measured.rate(), "events/s");
        for (quantile, value) in ["p50", "p99", "p999"].into_iter().zip(latencies(measured)) {
            self.add(&format!("{name}_{quantile}_us"), u64::from(value), "us");
        }
        self.add(&format!("{name}_refused"), measured.refused, "submissions");
        if let Some(micros) = cpu_per_event(measured) {
            self.add(&format!("{name}_server_cpu_per_event_us"), micros, "us");
        }
    }

    /// The disk's before and after, and what a load is to the better of them.
    pub fn add_disk(&mut self, rows: &[Row]) {
        let of_disk: Vec<u64> =
            rows.iter().filter(|row| row.name.starts_with("fdatasync")).map(|row| row.rate).collect();
        let best = of_disk.iter().copied().max().unwrap_or_default();
        for (when, value) in ["before", "after"].into_iter().zip(&of_disk) {
            self.add(&format!("fdatasync_rate_{when}"), *value, "writes/s");
        }
        self.add("fdatasync_rate", best, "writes/s");
        for row in rows.iter().filter(|row| !row.name.starts_with("fdatasync")) {
            self.add_ratio(&format!("{}_to_fdatasync_ratio", row.name), row.rate, best);
        }
    }

    /// Prints them.
    pub fn print(&self) {
        for (name, value, unit) in &self.0 {
            println!("figure {name} {value} {unit}");
        }
    }
}

/// Processor, its number, and how busy the machine is before anything begins.
pub fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let models = || {
        cpus.lines()
            .filter_map(|line| line.strip_prefix("model name"))
            .map(|rest| rest.trim_start_matches([' ', '\t', ':']))
    };
    let model = models().next().unwrap_or("unknown processor");
    format!("machine: {} × {model}; load average before: {}", models().count(), load_average())
}

/// Of one, five and fifteen minutes.
pub fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
