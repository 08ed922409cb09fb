//! `descriptors`: writes the compiled contract with everything it imports, for tools that take a descriptor set
//! (`grpcurl -protoset`, `buf curl`, Postman). Offline.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use songhua_wire::FILE_DESCRIPTOR_SET;

use super::Failure;

#[derive(Debug, clap::Args)]
pub(crate) struct DescriptorsArgs {
    /// Where to write it; else standard output, if that is no terminal / 输出文件
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &DescriptorsArgs) -> Result<(), Failure> {
    match &args.out {
        Some(file) => std::fs::write(file, FILE_DESCRIPTOR_SET)
            .map_err(|error| Failure::Failed(format!("{}: {error} / 无法写入文件", file.display()))),
        None if std::io::stdout().is_terminal() => Err(Failure::Failed(
            "the descriptor set is binary: name a file with --out, or pipe it / 二进制内容：请用 --out 指定文件".into(),
        )),
        None => std::io::stdout().write_all(FILE_DESCRIPTOR_SET).map_err(Failure::failed),
    }
}
